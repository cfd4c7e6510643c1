"""The name server of probe_fields.py, which says all that a record has a
field for: `fields_server.py` answers on PORT; `fields_server.py labels DEVICE`
is a router that puts labels into its ICMP errors (RFC 4950)."""

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
from probe_dns_odd import option, options_of, question_end  # noqa: E402

PORT = 5300
ZONE, PLAIN, LATE = "fields.test", "plain.test", "late.test"
SERIAL = 4000000001  # more than 31 bits
DELAY_S, LATE_S = 0.02, 4.5
NSID = b"a\\n \xffsite"
LONG_NSID = bytes(range(97, 122)) * 24  # 600 bytes
COOKIE = b"server's"
EDE = ((22, b"no way to the origin"), (4, b""))
BADCOOKIE, FORMERR = 23, 1
AA, TC, RA, AD = 0x0400, 0x0200, 0x0080, 0x0020
MARK, LABELS = 7, ((16001, 5, 0, 1), (524287, 0, 1, 2))


def name(text):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.split(".")) + b"\0"


def record(kind, klass, data):
    return struct.pack("!HHHIH", 0xc00c, kind, klass, 300, len(data)) + data


def soa(zone):
    return record(6, 1, name("ns." + zone) + name("hostmaster." + zone) +
                  struct.pack("!5I", SERIAL, 3600, 600, 86400, 300))


def txt(*strings):
    return record(16, 3, b"".join(bytes([len(s)]) + s for s in strings))


def reply(query, flags, rcode=0, body=b"", ede=(), nsid=NSID):
    asked, extra = options_of(query), b""
    if asked is not None:
        options = option(3, nsid) if 3 in asked else b""
        if 10 in asked:
            options += option(10, asked[10][:8] + COOKIE)
        for code, text in ede:
            options += option(15, struct.pack("!H", code) + text)
        extra = struct.pack("!BHHIH", 0, 41, 1232, rcode >> 4 << 24,
                            len(options)) + options
    return query[:2] + struct.pack(
        "!5H", 0x8000 | flags | rcode & 15, 1, bool(body), 0, bool(extra)) + \
        query[12:question_end(query)] + body + extra


def over_udp(query):
    """The replies to a datagram, in order."""
    asked, wanted = options_of(query), query[12:].split(b"\0")[0] + b"\0"
    if wanted == name("hostname.bind"):
        said = reply(query, AA, body=txt(b"first", b" and second"))
        other = reply(query, AA, body=txt(b"forged"))
        strange = bytes([query[0] ^ 1]) + said[1:]
        return [strange, said, said, other]
    if wanted == name("id.server"):
        return [reply(query, TC)]
    if wanted == name(PLAIN):
        return [reply(query, 0, FORMERR) if asked else
                reply(query, AA | RA, body=soa(PLAIN))]
    if wanted == name(LATE):
        return [reply(query, AA, body=soa(LATE))]
    if asked and len(asked.get(10, b"")) == 8:
        return [reply(query, 0, BADCOOKIE)]
    return [reply(query, AA | RA | AD, body=soa(ZONE), ede=EDE)]


def over_tcp(query):
    wanted = query[12:].split(b"\0")[0] + b"\0"
    if wanted in (name("id.server"), name("hostname.bind")):
        return reply(query, AA, body=txt(b"by stream"), nsid=LONG_NSID)
    return reply(query, AA | AD, body=soa(ZONE), ede=EDE, nsid=LONG_NSID)


def serve_udp(one):
    while True:
        query, client = one.recvfrom(65535)
        threading.Thread(target=send, args=(one, query, client),
                         daemon=True).start()


def send(one, query, client):
    late = query[12:].startswith(name(LATE))
    time.sleep(LATE_S if late else DELAY_S)
    for message in over_udp(query):
        one.sendto(message, client)


def serve_tcp(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=talk, args=(client,), daemon=True).start()


def talk(client):
    with client, contextlib.suppress(OSError, struct.error):
        client.settimeout(10)
        length, = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
        query = client.recv(length, socket.MSG_WAITALL)
        time.sleep(DELAY_S)
        said = over_tcp(query)
        client.sendall(struct.pack("!H", len(said)) + said)
        client.recv(1)


def serve():
    for af, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        one = socket.socket(family, socket.SOCK_DGRAM)
        one.bind((chain.SERVICE[af], PORT))
        listener = socket.create_server((chain.SERVICE[af], PORT),
                                        family=family)
        for work, what in ((serve_udp, one), (serve_tcp, listener)):
            threading.Thread(target=work, args=(what,), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


# --- a router that switches labels ---

def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def time_exceeded(packet):
    """The ICMP message (RFC 4884, 4950) about an IP packet."""
    entries = b"".join(struct.pack("!I", label << 12 | exp << 9 | s << 8 | ttl)
                       for label, exp, s, ttl in LABELS)
    stack = struct.pack("!HBB", 4 + len(entries), 1, 1) + entries
    extension = struct.pack("!HH", 0x2000, 0) + stack
    extension = struct.pack("!HH", 0x2000, checksum(extension)) + stack
    quote = packet[:128].ljust(128, b"\0")
    if packet[0] >> 4 == 6:  # the kernel fills in the checksum
        return struct.pack("!BBHI", 3, 0, 0, 128 // 8 << 24) + quote + \
            extension
    rest = struct.pack("!I", 128 // 4 << 16) + quote + extension
    return struct.pack("!BBH", 11, 0, checksum(b"\x0b\0\0\0" + rest)) + rest


def labels(device):
    """Its kernel's own errors are dropped by a rule on MARK."""
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                         socket.htons(3))
    seen.bind((device, 3))
    out = {4: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
           6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)}
    for one in out.values():
        one.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
    print("ready", flush=True)
    while select.select([seen], [], []):
        packet, (_, kind, direction, *_) = seen.recvfrom(65535)
        if direction == socket.PACKET_OUTGOING:
            continue
        if kind == 0x0800 and packet[8] == 1:
            out[4].sendto(time_exceeded(packet), (
                socket.inet_ntop(socket.AF_INET, packet[12:16]), 0))
        elif kind == 0x86dd and packet[7] == 1:
            out[6].sendto(time_exceeded(packet), (
                socket.inet_ntop(socket.AF_INET6, packet[8:24]), 0))


RULES = "".join("""table %s fields { chain output {
type filter hook output priority 0
meta mark != %d %s type time-exceeded drop
}
}
""" % (family, MARK, icmp) for family, icmp in (("ip", "icmp"),
                                                ("ip6", "icmpv6")))


@contextlib.contextmanager
def started(on):
    """The server on "server", the labels on "r2"."""
    on.must("r2", "nft", RULES)
    running = []
    try:
        for node, words in (("server", ()), ("r2", ("labels", "back"))):
            running.append(subprocess.Popen(
                on.command(node, sys.executable, "-I",
                           os.path.abspath(__file__), *words),
                stdout=subprocess.PIPE, text=True))
            if running[-1].stdout.readline() != "ready\n":
                raise SystemExit("fields_server.py does not start")
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["labels"]:
        labels(sys.argv[2])
    else:
        serve()
