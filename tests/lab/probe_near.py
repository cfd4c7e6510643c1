#!/usr/bin/python3 -I
# The traces of a round share the first three routers: each is asked a handful of times, not once for each address.
"""usage: probe_near.py"""

import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
import rounds  # noqa: E402

ROUTERS = 6
ADDRESSES = 12  # of each family
FEW = 2  # packets to a router that all paths have: a retry is one
HOME = 40  # the first of the addresses


def addresses(af):
    pattern = "203.0.113.%d" if af == 4 else "2001:db8:53::%d"
    return [pattern % (HOME + i) for i in range(ADDRESSES)]


def target(name, listed, more=""):
    return """target "%s" {
	address = { %s }
	echo = false
	questions = { }
	trace = true
	%s
}
""" % (name, ", ".join('"%s"' % a for a in listed), more)


class Test:
    def __init__(self, results, prober, on):
        self.results = results
        self.on = on
        self.vp = rounds.Rounds(on, prober, "vp")

    def round(self, text):
        """A round, and {(af, TTL): packets sent}."""
        self.vp.configure('trace_every = "0s"\n' + text)
        with probing.Capture(self.on, "vp") as capture:
            seen = self.vp.run()
        rows = capture.tshark(
            "(ip.src == %s || ipv6.src == %s) && udp.dstport == 53 && "
            "!icmp && !icmpv6" % (chain.VP[4], chain.VP[6]),
            "ip.ttl", "ipv6.hlim")
        sent = collections.Counter(
            (4, int(four)) if four else (6, int(six)) for four, six in rows)
        return seen, sent


def wrong_paths(on, seen):
    """Of records whose path is another than the chain."""
    return [(r["addr"], r["outcome"], probing.hops_of(r))
            for r in seen.of("trace") if r["outcome"] != "refused" or
            probing.hops_of(r) != on.hops(r["af"])]


def test_shared(test):
    seen, sent = test.round(target("many", addresses(4) + addresses(6)))
    near = {key: count for key, count in sent.items() if key[1] <= 3}
    probing.say("sent: %s" % sorted(sent.items()))
    test.results.ok(len(seen.of("trace")) == 2 * ADDRESSES and
                    seen.whole() and not wrong_paths(test.on, seen),
                    "%d traces of a round have the whole path" %
                    len(seen.of("trace")), (wrong_paths(test.on, seen),
                                            seen.done.stderr))
    test.results.ok(sorted(near) == [(af, ttl) for af in (4, 6)
                                     for ttl in (1, 2, 3)] and
                    max(near.values()) <= FEW,
                    "each of the first three routers is asked once, not %d "
                    "times" % ADDRESSES, sorted(near.items()))
    test.results.ok(all(sent[af, 5] >= ADDRESSES for af in (4, 6)),
                    "those behind are asked by each trace",
                    sorted(sent.items()))
    hops = [hop for r in seen.of("trace") for hop in r["hops"]]
    shared = [hop for hop in hops if hop.get("shared")]
    measured = [hop for hop in hops if hop["ttl"] <= 3 and
                not hop.get("shared")]
    test.results.ok(len(shared) == 2 * 3 * (ADDRESSES - 1) and
                    all(hop["rtt_us"] is None and hop["ttl"] <= 3
                        for hop in shared) and len(measured) == 6 and
                    all(hop["rtt_us"] is not None for hop in measured),
                    "what is shared says so, and has no round trip",
                    (len(shared), len(measured)))


def test_silent(test):
    """A router near us that says nothing is believed after two traces."""
    test.on.must("r2", "nft", """table inet probetest { chain output {
type filter hook output priority 0
icmp type time-exceeded drop
icmpv6 type time-exceeded drop
}
}""")
    seen, sent = test.round(target("many", addresses(4) + addresses(6)))
    test.on.must("r2", "nft", "delete", "table", "inet", "probetest")
    expected = {af: [hop if i != 1 else None for i, hop in
                     enumerate(test.on.hops(af))] for af in (4, 6)}
    wrong = [(r["addr"], probing.hops_of(r)) for r in seen.of("trace")
             if probing.hops_of(r) != expected[r["af"]]]
    test.results.ok(len(seen.of("trace")) == 2 * ADDRESSES and not wrong and
                    all(sent[af, 2] <= 4 for af in (4, 6)),
                    "a silent router near us is asked by two traces, twice",
                    (wrong, sorted(sent.items())))


def test_ends_near(test):
    """Half of the addresses end at the third router."""
    half = {af: addresses(af)[:ADDRESSES // 2] for af in (4, 6)}
    test.on.must("r3", "nft", "".join("""table %s probetest {
chain forward {
type filter hook forward priority 0
%s daddr { %s } reject with %s type %s
}
}
""" % (family, family, ", ".join(half[af]), icmp, kind)
        for af, family, icmp, kind in (
            (4, "ip", "icmp", "host-unreachable"),
            (6, "ip6", "icmpv6", "addr-unreachable"))))
    seen, sent = test.round(target("many", addresses(4) + addresses(6)))
    test.on.must("r3", "nft", "flush", "ruleset")
    wrong = []
    for r in seen.of("trace"):
        hops = [hop["addr"] for hop in r["hops"]]
        expected = [*test.on.hops(r["af"]), r["addr"]]
        if r["addr"] in half[r["af"]]:
            expected = [*expected[:3], expected[2]]
        if hops != expected or (r["outcome"] == "unreachable") != (
                r["addr"] in half[r["af"]]):
            wrong.append((r["addr"], r["outcome"], r["reason"], hops))
    test.results.ok(len(seen.of("trace")) == 2 * ADDRESSES and not wrong,
                    "a path that ends near us is not taken for another's",
                    (wrong, sorted(sent.items())))


def test_look(test, prober):
    """A person who looks at two addresses gets all round trips."""
    look = prober.look(test.on, "vp", "--only", "trace", *addresses(4)[:2])
    hops = [hop for r in look.of("trace") for hop in r["hops"]]
    test.results.ok(len(hops) == 2 * (ROUTERS + 1) and
                    all(hop["rtt_us"] is not None and "shared" not in hop
                        for hop in hops), "a look shares nothing", hops)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(ROUTERS) as on:
            on.also_serve(addresses(4) + addresses(6))
            on.greet()
            one = Test(results, prober, on)
            test_shared(one)
            test_silent(one)
            test_ends_near(one)
            test_look(one, prober)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
