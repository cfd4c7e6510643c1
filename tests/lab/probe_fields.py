#!/usr/bin/python3 -I
# Every field of a DNS, echo and trace record is what tshark dissects of that very packet, and kdig, ping, scamper and traceroute agree; a field that nothing compares fails the test.
"""usage: probe_fields.py"""

import datetime
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import fields_server as server  # noqa: E402
import probing  # noqa: E402
from fields_packets import Packets  # noqa: E402
from probing import SERVICE  # noqa: E402

ROUTERS = 3
DEVICE = "eth0"
DSCP = 10
ROUNDS = 2
NSID_KEPT, RAW_KEPT = 512, 512
TYPES = {1: "A", 2: "NS", 6: "SOA", 16: "TXT"}
CLASSES = {1: "IN", 3: "CH"}
TIMEOUT_S, TAIL_S = 3, 4

# What no outside tool can know, and why.
UNCOMPARED = {
    "type": "our name", "question": "our name",
    "target": "what was said on the command line", "flow.n": "our number",
    "stamp": "who stamped is not seen on the wire",
    "auth_bits": "what a forger had to guess: tests/unit, probe_forged.py",
    "hop.auth_bits": "the same",
    "hop.shared": "of batches alone: probe_near.py",
    "hop.asn": "the operator's files: tests/golden",
}


class Near:
    """A time, which the kernel stamps next to where tcpdump sees the packet.
    Any one may be late on a busy machine; the nearest of all may not."""

    def __init__(self, value, slack):
        self.value, self.slack = value, slack

    def agrees(self, value):
        return value is not None and abs(value - self.value) <= self.slack


def rtt(begin, end):
    return None if end is None else Near(1e6 * (end.time - begin.time), 1e6)


def agree(value, expected):
    if isinstance(expected, Near):
        return expected.agrees(value)
    return value == expected and type(value) is type(expected)


def escaped(data):
    """Foreign text as records have it: RFC 1035's form."""
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else "\\%03d" % b
                   for b in data)


class Ask:
    """A record's own packets: the query, the replies in order."""

    def __init__(self, look, index, packets):
        self.look, self.record, self.packets = look, look.records[index], \
            packets
        self.index, self.queries, self.replies = index, [], []
        self.strange, self.connected, self.again_of = [], None, None

    @property
    def query(self):
        return self.queries[0]

    @property
    def reply(self):
        """The one in time."""
        return next((r for r in self.replies if not self.is_late(r)), None)

    def is_late(self, packet):
        return packet.time - self.query.time > TIMEOUT_S

    def asks_again(self):
        r = self.reply
        return r is not None and self.record["type"] == "dns" and (
            r.flag("dns.flags.truncated") or r.rcode() in (1, 4, 16, 23))


def of_reply(read):
    """A field that is null where no reply came."""
    return lambda a: None if a.reply is None else read(a.reply)


def of_udp(read):
    """What an IP header tells is not told of a stream."""
    return lambda a: read(a) if a.record["proto"] != "tcp" else None


def where(condition, read):
    return lambda a: read(a) if condition(a) else None


def sent_at(a):
    """The record's time itself, where it is the packet's."""
    moment = datetime.datetime.strptime(
        a.record["t"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    return a.record["t"] if abs(moment - a.query.time) < 5 else a.query.time


def in_conflict(a):
    return [r for r in a.replies[1:] if not a.is_late(r) and
            r.message() != a.replies[0].message()] \
        if a.record["type"] == "dns" else []


def raw_of(a):
    return next((r.message()[:2 * RAW_KEPT] for r in in_conflict(a)), None)


def same_flow(a):
    flow = a.record["flow"]
    return [r for r in a.look.records if r["af"] == a.record["af"] and
            r["proto"] == a.record["proto"] and
            r["flow"].get("sport") == flow.get("sport")]


def unwanted(a):
    """What others of the flow do not count: which question a reply that is
    none was meant for, nobody can know."""
    return len(a.strange) - sum(r["unwanted"] for r in same_flow(a)
                                if r is not a.record)


ANY = {
    "t": sent_at,
    "addr": lambda a: a.query.dst,
    "af": lambda a: a.query.af,
    "proto": lambda a: a.query.proto,
    "port": lambda a: a.query.dport,
    "flow.src": lambda a: a.query.src,
    "flow.label": lambda a: a.query.label,
    "flow.dscp": lambda a: a.query.dscp or None,
    "flow.interface": lambda a: DEVICE,
    "flow.moved": lambda a: None,  # probe_flow.py has one that moves
    "flow.sport": lambda a: a.query.sport,
    "flow.dport": lambda a: a.query.dport,
    "flow.icmp_id": lambda a: a.query.icmp_id,
    "flow.cksum": lambda a: a.query.cksum,
    "outcome": lambda a: "timeout" if a.reply is None else "answered",
    "reason": lambda a: None,
    "rtt_us": lambda a: rtt(a.query, a.reply),
    "reply_ttl": of_udp(of_reply(lambda r: r.ttl)),
    "late": lambda a: len([r for r in a.replies if a.is_late(r)]),
    "dup": lambda a: len([r for r in a.replies if not a.is_late(r)][1:]),
    "unwanted": unwanted,
    "conflict": lambda a: len(in_conflict(a)),
    "retry_of": lambda a: a.again_of,
}
NSID = {
    "nsid": of_reply(lambda r: None if r.nsid() is None else
                     escaped(r.nsid()[:NSID_KEPT])),
    "nsid_hex": of_reply(lambda r: None if r.nsid() is None else
                         r.nsid()[:NSID_KEPT].hex()),
    "nsid_len": of_reply(lambda r: None if len(r.nsid() or b"") <= NSID_KEPT
                         else len(r.nsid())),
}
DNS = {
    **ANY, **NSID,
    "qname": lambda a: a.query.qname(),
    "qtype": lambda a: TYPES[a.query.number("dns.qry.type")],
    "qclass": lambda a: CLASSES[a.query.number("dns.qry.class")],
    "rcode": of_reply(lambda r: r.rcode()),
    "answer": lambda a: [] if a.reply is None else a.reply.answers(escaped),
    "serial": of_reply(lambda r: r.number("dns.soa.serial_number")),
    "tc": of_reply(lambda r: r.flag("dns.flags.truncated")),
    "aa": of_reply(lambda r: r.flag("dns.flags.authoritative")),
    "ra": of_reply(lambda r: r.flag("dns.flags.recavail")),
    "ad": of_reply(lambda r: r.flag("dns.flags.authenticated")),
    "edns": of_reply(lambda r: 41 in r.numbers("dns.resp.type")),
    "size": of_reply(lambda r: r.size()),
    "cookie": of_reply(lambda r: r.cookie()),
    "ede": of_reply(lambda r: r.ede(escaped)),
    "raw": raw_of,
    "connect_us": where(lambda a: a.connected, lambda a: rtt(*a.connected)),
}
TRACE = {**ANY, **NSID}
HOP = {
    "ttl": lambda a: a.query.ttl,
    "addr": of_reply(lambda r: r.src),
    "rtt_us": lambda a: rtt(a.query, a.reply),
    "icmp": of_reply(lambda r: r.error()),
    # The kernel does not hand these to who may not have a raw socket.
    "quoted_ttl": where(lambda a: a.look.raw,
                        of_reply(lambda r: r.quoted_ttl)),
    "mpls": where(lambda a: a.look.raw, of_reply(lambda r: r.mpls())),
    "nat": lambda a: None,  # probe_path.py has translators
}
TABLES = {"dns": DNS, "echo": ANY, "trace": TRACE}


def flat(record):
    """{path: value}; what is in flow is named so, and hops are apart."""
    found = {key: value for key, value in record.items()
             if key not in ("flow", "hops")}
    found.update(("flow." + key, value)
                 for key, value in record["flow"].items())
    return found


class Comparison:
    """All that was compared, and what was wrong."""

    def __init__(self):
        self.wrong, self.unknown, self.told = [], set(), set()
        self.count, self.off = 0, {}

    def compare(self, prefix, found, table, ask):
        for key in found:
            if key not in table and prefix + key not in UNCOMPARED:
                self.unknown.add(prefix + key)
        for key, expect in table.items():
            self.one(prefix + key, found.get(key), expect(ask), ask)

    def one(self, key, value, expected, ask):
        self.count += 1
        if value not in (None, [], 0, False):
            self.told.add(key)
        if not agree(value, expected):
            self.wrong.append((ask.record["type"], ask.record["addr"],
                               ask.record["question"], key, value,
                               getattr(expected, "value", expected)))
        elif isinstance(expected, Near):
            off = abs(value - expected.value)
            self.off[key] = min(off, self.off.get(key, off))

    def record(self, ask, hops):
        self.compare("", flat(ask.record), TABLES[ask.record["type"]], ask)
        for hop, found in zip(hops, ask.record.get("hops", ())):
            self.compare("hop.", found, HOP, hop)
        if len(hops) != len(ask.record.get("hops", ())):
            self.wrong.append((ask.record["addr"], "hops", len(hops)))


def match(look, packets, comparison):
    """Each record with its packets; queries that no record is of are left."""
    asks = [Ask(look, i, packets) for i in range(len(look.records))]
    traces = {}
    for ask in asks:
        if ask.record["type"] == "trace":
            traces[ask.index] = packets.trace(ask, Ask)
        else:
            packets.take(ask)
    for ask in asks:
        packets.find_strange(ask)
        earlier = [a for a in asks[:ask.index] if a.asks_again() and
                   a.query.name() == ask.query.name() and
                   a.query.dst == ask.query.dst and
                   a.reply.time <= ask.query.time]
        if ask.record["type"] == "dns" and earlier:
            ask.again_of = earlier[-1].index
        comparison.record(ask, traces.get(ask.index, ()))
    comparison.wrong += [("no record of", p.values) for p in packets.left()]
    return asks


class Test:
    def __init__(self, results, prober, on):
        self.results, self.prober, self.on = results, prober, on
        self.all = Comparison()
        self.targets = ["%s@%d" % (SERVICE[4], server.PORT),
                        "%s@%d" % (SERVICE[6], server.PORT)]

    def look(self, what, *words, count, raw=True):
        """A look whose every record is compared."""
        # Few packets of any length fit in tcpdump's own buffer.
        with probing.Capture(self.on, "vp", "-s", "4096", "-B", "16384",
                             device=DEVICE) as capture:
            look = self.prober.look(
                self.on, "vp", "-I", DEVICE, "--dscp", str(DSCP), "--cookie",
                "-W", str(TIMEOUT_S), "-i", "1", *words, *self.targets,
                raw=raw)
        look.raw = raw
        before, wrong = self.all.count, len(self.all.wrong)
        match(look, Packets(capture.path, server.PORT), self.all)
        self.results.ok(
            len(look.records) == count and
            bool(look.stderr) is not raw and
            len(self.all.wrong) == wrong,
            "%s: each field of %d records is tshark's, %d compared" % (
                what, len(look.records), self.all.count - before),
            (self.all.wrong[wrong:], look.stderr, look.status))
        return look


def found_in(text, pattern):
    match = re.search(pattern, text, re.M)
    return match[1] if match else ""


def test_kdig(test, look, *transport):
    """kdig reads the answers as we do."""
    for af in (4, 6):
        text = test.on.must(
            "vp", "kdig", "@" + SERVICE[af], "-p", str(server.PORT), "-t",
            "SOA", "+nsid", "+cookie", "+badcookie=1", "+retry=0", "+ignore",
            *transport, server.ZONE)
        soa = [r for r in look.of("soa", af) if r["rcode"] == 0][-1]
        serial = found_in(text, r"\tSOA\t\S+ \S+ (\d+) ")
        codes = [int(c) for c in re.findall(r"^;; EDE: (\d+)", text, re.M)]
        nsid = found_in(text, r"^;; NSID: ([0-9A-F]*)")
        ms = float(found_in(text, r"in ([0-9.]+) ms") or 0)
        ours = ((soa.get("connect_us") or 0) + soa["rtt_us"]) / 1000
        delay = 1000 * server.DELAY_S
        test.results.ok(
            serial == str(soa["serial"]) and
            codes == [e["code"] for e in soa["ede"]] and
            nsid.lower()[:2 * NSID_KEPT] == soa["nsid_hex"] and
            delay <= ms and delay <= ours,
            "IPv%d: %s reads the same serial, EDE and NSID, and waits no less "
            "than the server does" % (af, " ".join(("kdig", *transport))),
            (text, soa))


def test_ping(test, look):
    for af in (4, 6):
        text = test.on.must("vp", "ping", "-n", "-c", "3", "-i", "0.2", "-W",
                            "5", SERVICE[af])
        ttls = {int(t) for t in re.findall(r"ttl=(\d+)", text)}
        echo = look.of("echo", af)
        times = [float(t) for t in re.findall(r"time=([0-9.]+)", text)]
        test.results.ok(
            ttls == {r["reply_ttl"] for r in echo} and times and
            min(r["rtt_us"] for r in echo) < 1000 * min(times) + 50000,
            "IPv%d: ping reads the same TTL, and needs about as long" % af,
            (text, echo))


def of_scamper(test, af):
    done = probing.run(*test.on.command(
        "vp", "scamper", "-O", "json", "-c", "trace -P udp-paris -d 40000",
        "-i", SERVICE[af]))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    trace = next(row for row in rows if row["type"] == "trace")
    return [(h["addr"], "%d/%d" % (h["icmp_type"], h["icmp_code"]),
             h["icmp_q_ttl"], [[m["mpls_label"], m["mpls_exp"], m["mpls_s"],
                                m["mpls_ttl"]]
                               for e in h.get("icmpext", [])
                               for m in e.get("mpls_labels", [])])
            for h in trace["hops"]]


def of_traceroute(test, af):
    """(address, label entries as it writes them) of each hop."""
    text = test.on.must("vp", "traceroute", "-%d" % af, "-n", "-q", "1", "-w",
                        "3", "-e", "-I", SERVICE[af])
    return re.findall(r"^ *\d+  (\S+)(?: +<MPLS:([^>]*)>)?", text, re.M)


def test_path(test, look):
    for af in (4, 6):
        hops = look.of("trace", af)[0]["hops"]
        ours = [(h["addr"], h["icmp"], h["quoted_ttl"], [
            [m["label"], m["exp"], m["s"], m["ttl"]]
            for m in h["mpls"] or []]) for h in hops]
        theirs = of_scamper(test, af)
        test.results.ok(ours[:-1] == theirs[:-1] and
                        ours[-1][0] == theirs[-1][0],
                        "IPv%d: scamper sees the hops' addresses, ICMP, quoted "
                        "TTLs and labels as we do" % af, (ours, theirs))
        theirs = of_traceroute(test, af)
        labels = ["/".join("L=%d,E=%d,S=%d,T=%d" % tuple(m) for m in hop[3])
                  for hop in ours]
        test.results.ok(theirs == list(zip([hop[0] for hop in ours], labels)),
                        "IPv%d: and traceroute -I their addresses and labels"
                        % af, (theirs, labels))


def documented():
    """The keys of records that acrecord(5) has."""
    with open(os.path.join(probing.ROOT, "man", "acrecord.5"),
              encoding="ascii") as file:
        page = file.read().split(".Ss Record")[1].split(".Ss Outcomes")[0]
    return {word for line in re.findall(r"^(?:\.It )?\.?Cm (.*)$", page, re.M)
            for word in re.findall(r"\w+", line)}


def test_documented(test):
    named = {path.split(".")[-1] for path in
             set().union(*TABLES.values(), HOP, UNCOMPARED)}
    inner = {"flow", "hops", "exp", "s", "code", "text"}
    keys = documented()
    test.results.ok(len(keys) > 50 and not keys - named - inner,
                    "nor has acrecord(5): %d keys" % len(keys),
                    sorted(keys - named - inner))


def test_all(test):
    """Nothing went uncompared, and each was there to be compared."""
    compared = set().union(*TABLES.values(), ("hop." + key for key in HOP))
    null = {"reason", "flow.moved", "hop.nat"}
    test.results.ok(not test.all.unknown, "no record has a field that is "
                    "neither compared nor known to have no oracle",
                    sorted(test.all.unknown))
    test_documented(test)
    test.results.ok(compared - test.all.told == null, "each compared field "
                    "had a value in some record, but for %s" %
                    ", ".join(sorted(null)),
                    sorted((compared - test.all.told) ^ null))
    test.results.ok(all(off < 2000 for off in test.all.off.values()) and
                    set(test.all.off) >= {"rtt_us", "hop.rtt_us",
                                          "connect_us"},
                    "times differ from tcpdump's by less than 2 ms where they "
                    "differ least", test.all.off)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(ROUTERS) as on, server.started(on):
            on.must("vp", "sysctl", "-qw",
                    "net.ipv4.ping_group_range=0 65535")
            on.greet()
            one = Test(results, prober, on)
            for number in range(ROUNDS):
                look = one.look("round %d" % (number + 1), "-z", server.ZONE,
                                "-c", "1", count=2 * 7)
            test_kdig(one, look)
            test_ping(one, look)
            test_path(one, look)
            tcp = one.look("over TCP", "-T", "-z", server.ZONE, "--only",
                           "dns", "-c", "2", "--dnssec", count=2 * 4)
            test_kdig(one, tcp, "+tcp")
            one.look("without EDNS", "-z", server.PLAIN, "--only", "dns",
                     "-c", "1", count=2 * 5)
            one.look("late", "-z", server.LATE, "--only", "dns", "-c", "1",
                     "--tail", str(TAIL_S), count=2 * 4)
            one.look("a trace by ICMP", "--only", "trace", count=2,
                     raw=False)
            test_all(one)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
