#!/usr/bin/python3 -I
# A name server that resets, drips, truncates, dislikes EDNS or lies is recorded as what it did, and asked again only where that is due.
"""usage: probe_dns_odd.py     (on loopback, ports of its own)"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402

HOST = "127.0.0.1"
FORMERR, NOTIMP, REFUSED, BADVERS = 1, 4, 5, 16
TC = 0x0200
SOA = (b"\0\0\6\0\1\0\0\0\0\0\x16" + b"\0\0" +
       struct.pack("!5I", 7, 3600, 600, 86400, 300))


def question_end(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def options_of(query):
    """The options of a query by code, or None without EDNS."""
    if query[11] == 0:
        return None
    at, found = question_end(query) + 11, {}
    while at < len(query):
        code, size = struct.unpack_from("!HH", query, at)
        found[code] = query[at + 4:at + 4 + size]
        at += 4 + size
    return found


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def answer(query, rcode=0, flags=0x8400, options=None):
    """An SOA, with EDNS and these options where the query had EDNS."""
    body = SOA if rcode == 0 and not flags & TC else b""
    extra = b""
    if options is not None and options_of(query) is not None:
        extra = struct.pack("!BHHIH", 0, 41, 1232, rcode >> 4 << 24,
                            len(options)) + options
    return query[:2] + struct.pack("!5H", flags | rcode & 15, 1, bool(body),
                                   0, bool(extra)) + \
        query[12:question_end(query)] + body + extra


class Server:
    """Answers over both transports on a port of its own."""

    def __init__(self, udp=None, tcp=None):
        self.udp, self.tcp = udp, tcp
        self.datagrams, self.streams = [], []
        self.stream = socket.create_server((HOST, 0), backlog=64)
        self.port = self.stream.getsockname()[1]
        self.datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagram.bind((HOST, self.port))
        for work in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def serve_udp(self):
        while True:
            query, client = self.datagram.recvfrom(65535)
            self.datagrams.append(query)
            for reply in self.udp(query) if self.udp else ():
                self.datagram.sendto(reply, client)

    def serve_tcp(self):
        while True:
            client, address = self.stream.accept()
            self.streams.append(address)
            threading.Thread(target=self.talk, args=(client,),
                             daemon=True).start()

    def talk(self, client):
        with client:
            try:
                length, = struct.unpack("!H", client.recv(2))
                if self.tcp:
                    self.tcp(client, client.recv(length))
            except (OSError, struct.error):
                pass


def framed(message):
    return struct.pack("!H", len(message)) + message


def drip(client, query):
    for byte in framed(answer(query, options=b"")):
        client.sendall(bytes([byte]))
        time.sleep(0.2)


def reset(client, _query):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))


def look(prober, server, *words):
    done = probing.run(prober.path, "-j", "--only", "dns", "-W", "1",
                       "--allow-special", "127.0.0.0/8", *words,
                       "%s@%d" % (HOST, server.port))
    return probing.Look(done.returncode, done.stdout, done.stderr)


def timed(seen):
    """The timed question and what came of it."""
    return [(r["proto"], r["outcome"], r["reason"], r["retry_of"])
            for r in seen.of("soa")]


def test_streams(results, prober):
    cases = [
        ("a reset", reset, ("refused", "reset"), 1),
        ("an end without an answer", lambda c, q: None,
         ("refused", "closed"), 1),
        ("half an answer", lambda c, q: c.sendall(
            framed(answer(q, options=b""))[:20]),
         ("malformed", "malformed end"), 1),
        ("silence", lambda c, q: time.sleep(3), ("timeout", None), 1),
        ("a length of nothing but zeros", lambda c, q: c.sendall(bytes(9)),
         ("refused", "closed"), 1),
        ("an answer in two pieces", lambda c, q: (
            c.sendall(framed(answer(q, options=b""))[:1]), time.sleep(0.1),
            c.sendall(framed(answer(q, options=b""))[1:])),
         ("answered", None), 0),
        ("another's answer before ours", lambda c, q: c.sendall(
            framed(b"\0\0" + answer(q)[2:]) +
            framed(answer(q, options=b""))), ("answered", None), 0),
        ("the longest message", lambda c, q: c.sendall(framed(
            answer(q, options=option(12, bytes(65000))))),
         ("answered", None), 0),
    ]
    for what, tcp, (outcome, reason), status in cases:
        server = Server(tcp=tcp)
        seen = look(prober, server, "-T", "-c", "1")
        results.ok(timed(seen) == [("tcp", outcome, reason, None)] and
                   seen.status == status and not server.datagrams,
                   "over TCP %s is %s" % (what, outcome), timed(seen))
        if what.startswith("another"):
            results.ok([r["unwanted"] for r in seen.of("soa")] == [1],
                       "and the other is counted as unwanted", seen.records)
    server = Server(tcp=drip)
    watch = probing.machine.Watch()
    seen = look(prober, server, "-T", "-c", "1")
    took = watch.own_seconds()
    results.ok(timed(seen) == [("tcp", "timeout", "answer not whole", None)]
               and took < 4.5, "a drip does not extend the deadline: three "
               "questions in %.1f s" % took, timed(seen))


def test_one_connection(results, prober):
    server = Server(tcp=lambda c, q: (time.sleep(0.05), c.sendall(
        framed(answer(q, options=option(3, b"one"))))))
    seen = look(prober, server, "-T", "-c", "4", "-i", "0.01")
    ports = {address[1] for address in server.streams}
    soa = seen.of("soa")
    results.ok(len(server.streams) == len(seen.records) == 6 and
               len(ports) == 1 and len({r["flow"]["sport"] for r in
                                        seen.records} | ports) == 1,
               "one connection for each sample, all of one port",
               server.streams)
    results.ok(all(r["outcome"] == "answered" and r["rtt_us"] >= 50000
                   for r in soa) and
               min(r["rtt_us"] for r in soa) < 80000 and
               min(r["connect_us"] for r in soa) < 20000,
               "the server's 50 ms are in the answer, not in the connection",
               [(r["rtt_us"], r["connect_us"]) for r in soa])


def test_truncated(results, prober):
    server = Server(udp=lambda q: [answer(q, flags=0x8400 | TC, options=b"")],
                    tcp=lambda c, q: c.sendall(framed(answer(
                        q, options=option(3, b"whole")))))
    seen = look(prober, server, "-c", "3")
    records = seen.records
    retries = [r for r in records if r["retry_of"] is not None]
    results.ok(len(records) == 10 and len(retries) == 5 and all(
        r["proto"] == "tcp" and r["outcome"] == "answered" and
        records[r["retry_of"]]["tc"] and
        records[r["retry_of"]]["proto"] == "udp" and
        records[r["retry_of"]]["question"] == r["question"] and
        records[r["retry_of"]]["t"] < r["t"] for r in retries) and
        len({r["retry_of"] for r in retries}) == 5,
        "each truncated answer is asked for over TCP, once, and named",
        [(r["proto"], r["question"], r["tc"], r["retry_of"])
         for r in records])
    results.ok(seen.identities[0]["instance"] == "whole",
               "where only TCP names the instance, that name is shown",
               seen.identities)


def test_edns(results, prober):
    for rcode, name in ((FORMERR, "FORMERR"), (NOTIMP, "NOTIMP"),
                        (BADVERS, "BADVERS")):
        server = Server(udp=lambda q, rcode=rcode: [
            answer(q) if options_of(q) is None else
            answer(q, rcode=rcode, options=b"" if rcode > 15 else None)])
        seen = look(prober, server, "-c", "1")
        soa = seen.of("soa")
        results.ok(len(seen.records) == 6 and len(soa) == 2 and
                   [r["rcode"] for r in soa] == [rcode, 0] and
                   soa[1]["retry_of"] == seen.records.index(soa[0]) and
                   soa[1]["edns"] is False and soa[1]["serial"] == 7,
                   "%s is asked again without EDNS, once" % name, soa)
    server = Server(udp=lambda q: [answer(q, rcode=FORMERR)])
    seen = look(prober, server, "-c", "1")
    results.ok(len(server.datagrams) == len(seen.records) == 6,
               "FORMERR without EDNS, too, is asked no third time",
               timed(seen))
    server = Server()
    seen = look(prober, server, "-c", "2")
    results.ok(len(server.datagrams) == len(seen.records) == 4 and all(
        r["outcome"] == "timeout" and r["retry_of"] is None
        for r in seen.records), "what is lost is never asked again",
        timed(seen))


def test_options(results, prober):
    ede = option(15, struct.pack("!H", 18) + b"not for \xff you")
    server = Server(udp=lambda q: [answer(
        q, rcode=REFUSED,
        options=ede + option(10, options_of(q)[10][:8] + b"serverco"))])
    seen = look(prober, server, "-c", "2", "--cookie", "--dnssec",
                "--bufsize", "4096", "--recurse")
    soa, query = seen.of("soa"), server.datagrams[0]
    results.ok(all(r["ede"] == [{"code": 18, "text": "not for \\255 you"}] and
                   r["cookie"] == b"serverco".hex() and
                   r["auth_bits"] == 14 + 16 + 64 for r in soa),
               "extended error and server's cookie are kept", soa)
    at = question_end(query)
    results.ok(struct.unpack_from("!HHI", query, at + 1) ==
               (41, 4096, 0x8000) and query[2] & 1 == 1,
               "size, DO and RD are sent as asked", query.hex())
    cookies = {options_of(q)[10][:8] for q in server.datagrams}
    again = Server(udp=lambda q: [])
    look(prober, again, "-c", "1", "--cookie")
    cookies |= {options_of(q)[10] for q in again.datagrams}
    results.ok(len(cookies) == 1 and len(next(iter(cookies))) == 8,
               "the client's cookie is of the two addresses alone",
               [c.hex() for c in cookies])
    server = Server(udp=lambda q: [
        answer(q, options=option(3, b"forged") + option(10, b"f" * 16)),
        answer(q, options=option(3, b"true"))])
    seen = look(prober, server, "-c", "1", "--cookie")
    results.ok([(r["nsid"], r["unwanted"]) for r in seen.of("soa")] ==
               [("true", 1)], "another client's cookie is unwanted",
               seen.of("soa"))


def test_case(results, prober):
    def twice(query):
        end = question_end(query)
        lower = query[:12] + query[12:end].lower() + query[end:]
        return [answer(lower, options=option(3, b"lower")),
                answer(query, options=option(3, b"same"))]

    server = Server(udp=twice)
    seen = look(prober, server, "-c", "4", "--mixed-case", "-z",
                "abcdefghijkl.example")
    soa = seen.of("soa")
    results.ok(all(r["nsid"] == "same" and r["unwanted"] == 1 and
                   r["auth_bits"] == 14 + 16 + 19 for r in soa) and
               len({q[12:32] for q in server.datagrams}) > 2,
               "letters are mixed anew, and only the same taken", soa)


def test_other_case(results, prober):
    """Letters that nobody drew prove nothing, and servers may give them back
    as they like (RFC 1035 section 2.3.3, RFC 4343 section 4): dig and kdig
    take the answer, too."""
    def shouted(query):
        end = question_end(query)
        return answer(query[:12] + query[12:end].upper() + query[end:],
                      options=option(3, b"shouted"))

    def other(query):
        end = question_end(query)
        return answer(query[:12] + query[12:end].replace(b"ex", b"ey") +
                      query[end:], options=option(3, b"other"))

    server = Server(udp=lambda q: [other(q), shouted(q)])
    seen = look(prober, server, "-c", "2", "-z", "abc.example")
    results.ok(all((r["outcome"], r["reason"], r["nsid"], r["auth_bits"],
                    r["unwanted"], r["serial"]) == (
                        "answered", None, "shouted", 14 + 16, 1, 7)
                   for r in seen.of("soa")) and len(seen.of("soa")) == 2,
               "where no letters were drawn a reply in another case is ours, "
               "for no more bits, and one to another name is not",
               seen.of("soa"))
    taken = []
    server = Server(udp=lambda q: [shouted(q)])
    for tool in ("dig", "kdig"):
        if shutil.which(tool) is not None:
            done = probing.run(tool, "@" + HOST, "-p", str(server.port),
                               "+tries=1" if tool == "dig" else "+retry=0",
                               "+timeout=2", "abc.example", "SOA")
            taken.append((tool, "ABC.EXAMPLE." in done.stdout,
                          " 7 3600 " in done.stdout, done.stdout))
    results.ok(all(one[1] and one[2] for one in taken),
               "%s take it as well" % " and ".join(t[0] for t in taken), taken)


def strings(query, *texts):
    """TXT answers, a record each."""
    records = b"".join(
        b"\xc0\x0c\0\x10\0\1\0\0\0\0" +
        struct.pack("!HB", len(text) + 1, len(text)) + text for text in texts)
    return query[:2] + struct.pack("!5H", 0x8400, 1, len(texts), 0, 0) + \
        query[12:question_end(query)] + records


def test_several(results, prober):
    """As OpenDNS answers: a set, in another order each time."""
    turns = []

    def served(query):
        if b"debug" not in query:
            return [answer(query, options=option(3, b"opaque"))]
        turns.append(query)
        texts = [b"flags 20 0 70", b"originid 0", b"server r3.yyz",
                 b"source 192.0.2.1:%d" % (4000 + len(turns))]
        turn = len(turns) % len(texts)
        return [strings(query, *texts[turn:], *texts[:turn])] * 2

    server = Server(udp=served)
    table = os.path.join(prober.folder, "services")
    with open(table, "w", encoding="ascii") as file:
        file.write("od %s rd:debug.example=server,nsid\n" % HOST)
    seen = [look(prober, server, "-c", "1", "--services", table)
            for _ in range(4)]
    results.ok(len(turns) == 4 and all(
        one.identity(4)["instance"] == "server r3.yyz" and
        one.identity(4)["method"] == "rd:debug.example" and
        not any(r["conflict"] for r in one.records) for one in seen),
        "of several answers the one that the table tells is the name, before "
        "an NSID where the table says so",
        [(one.identities, one.records) for one in seen])
    for order, method, name in (
            ("rd:debug.example=originid,nsid", "rd:debug.example",
             "originid 0"), ("nsid,rd:debug.example", "nsid", "opaque")):
        with open(table, "w", encoding="ascii") as file:
            file.write("od %s %s\n" % (HOST, order))
        one = look(prober, server, "-c", "1", "--services", table)
        results.ok((one.identity(4)["method"], one.identity(4)["instance"]) ==
                   (method, name), "the table's order decides: %s" % order,
                   one.identities)


def comparable(records):
    """Without times and order; a retry with what it tries again."""
    bare = [{k: v for k, v in r.items()
             if k not in ("t", "connect_us", "retry_of")} for r in records]
    return sorted(json.dumps([one, r["retry_of"] is not None and
                              bare[r["retry_of"]]])
                  for one, r in zip(bare, records))


def test_read_again(results, prober):
    """Retries come of the answers, when a capture is read too."""
    path = os.path.join(prober.folder, "odd.pcap")
    cases = [
        ("TC", Server(udp=lambda q: [answer(q, flags=0x8600, options=b"")],
                      tcp=lambda client, q: client.sendall(
                          framed(answer(q, options=b""))))),
        ("FORMERR", Server(udp=lambda q: [
            answer(q, rcode=1 if options_of(q) is not None else 0)])),
    ]
    for what, server in cases:
        first = look(prober, server, "--write", path)
        done = probing.run(prober.path, "-j", "-W", "1", "--read", path)
        again = probing.Look(done.returncode, done.stdout, done.stderr)
        a, b = (comparable(one.records) for one in (first, again))
        results.ok(a == b and sum(
            r["retry_of"] is not None for r in first.records) ==
            len(a) // 2 > 5,
            "a look that met %s is the same read again" % what,
            [pair for pair in zip(a, b) if pair[0] != pair[1]][:2] or
            (len(a), len(b), again.stderr))


def captured(path):
    """Of a capture by acprobe: its head, and times and bytes of packets."""
    with open(path, "rb") as file:
        data = file.read()
    at, packets = 24, []
    while at < len(data):
        kept = struct.unpack_from("=I", data, at + 8)[0]
        packets.append([data[at:at + 8], data[at + 8:at + 16 + kept]])
        at += 16 + kept
    return data[:24], packets


def streams_of(packets):
    """(question, places of its packets) of each stream, in their order."""
    found = []
    for i, (_, packet) in enumerate(packets):
        if packet[8 + 9] != socket.IPPROTO_TCP:
            continue
        if packet[8 + 20 + 13] & 0x12 == 2:
            found.append([None, []])
        found[-1][1].append(i)
        message = packet[8 + 40 + 2:]
        if len(message) > 12 and found[-1][0] is None:
            found[-1][0] = message[12:question_end(message)]
    return found


def answered_before(packets, place, question):
    return any(packet[8 + 9] == socket.IPPROTO_UDP and packet[8 + 30] & 0x80
               and packet[8 + 40:].startswith(question)
               for _, packet in packets[:place])


def swap_streams(path):
    """As if the second of two streams that wait had gone first."""
    head, packets = captured(path)
    streams = streams_of(packets)
    for (first, a), (second, b) in zip(streams, streams[1:]):
        if first == second or len(a) != len(b) or \
                not answered_before(packets, a[0], second):
            continue
        for i, k in zip(a, b):
            packets[i][1], packets[k][1] = packets[k][1], packets[i][1]
        with open(path, "wb") as file:
            file.write(head + b"".join(map(b"".join, packets)))
        return True
    return False


def outcomes(look_of):
    return sorted((r["proto"], r["question"], r["outcome"], r["unwanted"],
                   r["retry_of"] is not None) for r in look_of.records)


def test_swapped(results, prober):
    """Which of several streams goes first is as it fell out."""
    path = os.path.join(prober.folder, "swapped.pcap")
    server = Server(udp=lambda q: [answer(q, flags=0x8600, options=b"")],
                    tcp=lambda client, q: client.sendall(
                        framed(answer(q, options=b""))))
    for _ in range(5):
        first = look(prober, server, "--write", path)
        swapped = swap_streams(path)
        if swapped:
            break
    done = probing.run(prober.path, "-j", "-W", "1", "--read", path)
    again = probing.Look(done.returncode, done.stdout, done.stderr)
    results.ok(swapped and outcomes(first) == outcomes(again),
               "streams of one flow are read in the order in which they went",
               (swapped, outcomes(first), outcomes(again), again.stderr))


def batch_of(prober, server):
    """The records of a round that asks it over UDP."""
    folder = os.path.join(prober.folder, "round")
    os.mkdir(folder, 0o700)
    key = os.path.join(folder, "key")
    conf = os.path.join(folder, "conf")
    spool = os.path.join(folder, "spool")
    probing.run(prober.path, "keygen", key)
    with open(conf, "w", encoding="ascii") as file:
        file.write('vp = "odd"\nkey = "%s"\nspool = "%s"\n'
                   'allow_special = "127.0.0.0/8"\ntarget t {\n'
                   'address = "%s@%d" count = 4 echo = false }\n' % (
                       key, spool, HOST, server.port))
    done = probing.run(prober.path, "-f", conf)
    batches = [os.path.join(top, name) for top, _, names in os.walk(spool)
               for name in names if name.endswith(".acb")]
    if done.returncode != 0 or len(batches) != 1:
        return [], done.stderr + str(batches)
    with open(batches[0], "rb") as file:
        frame = file.read().split(b"\n", 2)[2]
    plain = subprocess.run(["zstd", "-dc"], input=frame, check=True,
                           capture_output=True).stdout
    return [json.loads(line) for line in plain.splitlines()[1:]], ""


def test_round(results, prober):
    server = Server(udp=lambda q: [answer(q, flags=0x8400 | TC, options=b"")],
                    tcp=lambda c, q: c.sendall(framed(answer(
                        q, options=option(3, b"whole")))))
    records, why = batch_of(prober, server)
    retries = [r for r in records if r["retry_of"] is not None]
    results.ok(len(records) == 12 and len(retries) == 6 and all(
        records[r["retry_of"]]["proto"] == "udp" and r["proto"] == "tcp" and
        records[r["retry_of"]]["question"] == r["question"] and
        records[r["retry_of"]]["t"] < r["t"] and
        r["retry_of"] < index for index, r in enumerate(records)
        if r["retry_of"] is not None) and
        len({r["retry_of"] for r in retries}) == 6,
        "in a batch, too, a retry names the record it tries again",
        why or [(r["proto"], r["question"], r["retry_of"])
                for r in records])


def test(results):
    prober = probing.Prober()
    try:
        test_streams(results, prober)
        test_one_connection(results, prober)
        test_truncated(results, prober)
        test_edns(results, prober)
        test_options(results, prober)
        test_case(results, prober)
        test_other_case(results, prober)
        test_several(results, prober)
        test_read_again(results, prober)
        test_swapped(results, prober)
        test_round(results, prober)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
