#!/usr/bin/python3 -I
# A trace tells loops, routers that answer twice or never, and translators of addresses, from real ones in network namespaces.
"""usage: probe_path.py"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
from probing import SERVICE  # noqa: E402

ROUTERS = 4
# Two traces of two families, each of 7 hops and 8 in flight.
IN_FLIGHT = 8
LOOP_PACKETS = 4 * 16 + 8
OTHER = {4: "198.51.100.5", 6: "2001:db8:a::5"}  # of the same network


class Seen:
    """What one trace says, in the record and on the page."""

    def __init__(self, prober, on, af, raw):
        look = prober.look(on, "vp", "--only", "trace", SERVICE[af], raw=raw)
        trace = look.of("trace")[0]
        self.outcome = (trace["outcome"], trace["reason"])
        self.hops = [hop["addr"] for hop in trace["hops"]]
        self.nat = [hop.get("nat") for hop in trace["hops"]]
        self.quoted = [(hop["quoted_ttl"], hop["mpls"])
                       for hop in trace["hops"]]
        self.said = look.stderr
        self.end = trace.get("nsid")
        page = prober.run(on, "vp", "-n", "--only", "trace", SERVICE[af],
                          raw=raw).stdout.split("  path")[1]
        self.page = page.splitlines()

    def says(self, number, text):
        """Whether that text is on the page's line of a hop."""
        return len(self.page) > number and text in self.page[number]


class Test:
    def __init__(self, results, prober, on):
        self.results, self.prober, self.on = results, prober, on

    def look(self, af, raw=True):
        return Seen(self.prober, self.on, af, raw)

    def check(self, sentence, judge, families=(4, 6), raw=True):
        """judge(af, seen) of both families."""
        for af in families:
            seen = self.look(af, raw)
            self.results.ok(judge(af, seen), "IPv%d: %s" % (af, sentence),
                            vars(seen))

    def rules(self, node, text):
        """A table of nftables until the block ends."""
        return Rules(self.on, node, text)

    def path(self, af):
        return self.on.hops(af) + [SERVICE[af]]


class Rules:
    def __init__(self, on, node, text):
        self.on, self.node, self.text = on, node, text

    def __enter__(self):
        for family in ("ip", "ip6"):
            if family in self.text:
                self.on.must(self.node, "nft", "table %s probetest {%s}" % (
                    family, self.text[family]))

    def __exit__(self, *_):
        self.on.must(self.node, "nft", "flush", "ruleset")


def hook(kind, name, priority, *rules):
    return "chain %s {\ntype %s hook %s priority %d; %s\n}\n" % (
        name, kind, name, priority, "\n".join(rules))


def test_plain(test):
    for raw in (True, False):
        test.check("the path of a chain, nothing odd about it, %s privilege" %
                   ("with" if raw else "without"), lambda af, seen:
                   seen.hops == test.path(af) and not any(seen.nat) and
                   seen.outcome == ("answered", None) and
                   seen.end == (chain.NSID.decode() if raw else None) and
                   not any("NAT" in line or "again" in line
                           for line in seen.page), raw=raw)
    test.check("on the page the end names itself",
               lambda af, seen: seen.says(5, chain.NSID.decode()))


def test_privilege(test):
    """What a look cannot see is said once, where it wants to see it."""
    test.check("with a raw socket every router quotes a TTL of 1, and there "
               "is nothing to say", lambda af, seen: not seen.said and
               [ttl for ttl, _ in seen.quoted] == [1, 1, 1, 1, None])
    test.check("without, that the path is by ICMP and what it lacks is said "
               "once", lambda af, seen: seen.said.count("\n") == 1 and
               all(word in seen.said for word in (
                   "no raw socket", "CAP_NET_RAW", "by ICMP", "TTL", "MPLS",
                   "NAT")), raw=False)
    quiet = [test.prober.look(test.on, "vp", *words, *SERVICE.values(),
                              raw=False) for words in (
                                  ("-q",), ("--only", "dns"),
                                  ("--only", "echo"))]
    test.results.ok(not any(look.stderr or not look.records
                            for look in quiet), "not with -q, nor where no "
                    "path is asked for", [look.stderr for look in quiet])


def shares(test, *words):
    """Of round trips, those by two stamps of the kernel, and all: by the
    records, and on the page."""
    look = test.prober.look(test.on, "vp", *words, SERVICE[4])
    timed = [r["stamp"] for r in look.records if r["rtt_us"] is not None]
    page = test.prober.run(test.on, "vp", *words, SERVICE[4]).stdout
    line = next((x for x in page.splitlines()
                 if x.startswith("  stamps")), "")
    return (timed.count("kernel"), len(timed)), tuple(
        int(word) for word in line.split() if word.isdigit()), line


def test_stamps(test):
    for words in ((), ("-T",)):
        for _ in range(3):  # a packet may be lost on a busy machine
            records, page, line = shares(test, "-n", *words)
            if records == page:
                break
        test.results.ok(0 < page[1] and records == page and
                        ("program" in line) == (page[0] != page[1]),
                        "the page says how many round trips are by the "
                        "kernel's stamps: %d of %d" % records, (page, line))


def packets_of_looks(test, raw):
    with probing.Capture(test.on, "vp") as capture:
        for af in (4, 6):
            test.look(af, raw)
    return len(capture.tshark("ip.src == %s || ipv6.src == %s" % (
        chain.VP[4], chain.VP[6]), "frame.number"))


def test_loop(test):
    for af in (4, 6):
        test.on.ip("route replace %s via %s" % (
            SERVICE[af], chain.near(2, af)),
            namespace=test.on.namespace("r3"))
    for raw in (True, False):
        test.check("packets go round in circles: three times the same "
                   "router, and the trace stops, %s privilege" %
                   ("with" if raw else "without"), lambda af, seen:
                   seen.outcome == ("timeout", "loop") and
                   seen.hops[:3] == test.path(af)[:3] and
                   len(seen.hops) <= 7 and
                   any(seen.hops.count(hop) == 3 for hop in seen.hops) and
                   seen.says(len(seen.hops), "loop: hop"), raw=raw)
        sent = [packets_of_looks(test, raw)]
        while len(sent) < 3 and sent[-1] > LOOP_PACKETS:
            sent.append(packets_of_looks(test, raw))  # an answer was late
        test.results.ok(0 < sent[-1] <= LOOP_PACKETS,
                        "and it takes few packets", sent)
    for af in (4, 6):
        test.on.ip("route del " + SERVICE[af],
                   namespace=test.on.namespace("r3"))


def test_in_flight(test):
    """Nobody answers: who asked eight waits for a second, how late it may
    ever notice that it is over."""
    mute = {"ip": hook("filter", "prerouting", 0, "ip saddr %s drop" % (
        chain.VP[4])), "ip6": hook("filter", "prerouting", 0,
                                   "ip6 saddr %s drop" % chain.VP[6])}
    with test.rules("r1", mute):
        for af, label in ((4, "ip"), (6, "ipv6")):
            for raw in (True, False):
                with probing.Capture(test.on, "vp") as capture:
                    test.look(af, raw)
                sent = sorted(float(row[0]) for row in capture.tshark(
                    "%s.src == %s && (udp || icmp.type == 8 || icmpv6.type "
                    "== 128)" % (label, chain.VP[af]), "frame.time_epoch"))
                # Two traces, that of the page after that of the JSON.
                ahead = [at for at in sent if at < sent[0] + 0.9]
                test.results.ok(0 < len(ahead) <= IN_FLIGHT < len(sent),
                                "IPv%d: at most %d hops are asked at once, %s "
                                "privilege" % (af, IN_FLIGHT, "with" if raw
                                               else "without"),
                                [at - sent[0] for at in sent])


def test_silent_and_twice(test):
    silent = {"ip": hook("filter", "output", 0,
                         "icmp type time-exceeded drop"),
              "ip6": hook("filter", "output", 0,
                          "icmpv6 type time-exceeded drop")}
    with test.rules("r2", silent):
        test.check("a router that is silent is a hop without address",
                   lambda af, seen: seen.hops == [
                       test.path(af)[0], None, *test.path(af)[2:]] and
                   seen.says(2, " *") and seen.outcome[0] == "answered")
    twice = {"ip": hook("filter", "prerouting", 0, "ip ttl 2 ip ttl set 1"),
             "ip6": hook("filter", "prerouting", 0,
                         "ip6 hoplimit 2 ip6 hoplimit set 1")}
    with test.rules("r2", twice):
        test.check("a router that answers twice is said, and no loop",
                   lambda af, seen: seen.hops == [
                       *test.path(af)[:2], test.path(af)[1],
                       *test.path(af)[3:]] and seen.says(3, "  again") and
                   seen.outcome == ("answered", None) and
                   not any("loop" in line for line in seen.page))


def test_nat(test):
    """At r2, so that its own answer still quotes what was sent."""
    tracking = {family: hook("nat", "postrouting", 100,
                             "%s saddr %s snat to %s" % (
                                 family, chain.VP[af], OTHER[af]))
                for af, family in ((4, "ip"), (6, "ip6"))}
    with test.rules("r2", tracking):
        test.check("a translator that puts back what it changed is not seen",
                   lambda af, seen: seen.hops == test.path(af) and
                   not any(seen.nat))
    stateless = {family: hook(
        "filter", "postrouting", 100, "%s saddr %s %s saddr set %s" % (
            family, chain.VP[af], family, OTHER[af])) + hook(
        "filter", "prerouting", -300, "%s daddr %s %s daddr set %s" % (
            family, OTHER[af], family, chain.VP[af]))
        for af, family in ((4, "ip"), (6, "ip6"))}
    with test.rules("r2", stateless):
        test.check("one that does not shows by the source that is quoted",
                   lambda af, seen: seen.hops == test.path(af) and
                   seen.nat == [None, None, "source", "source", None] and
                   seen.says(3, "NAT: quotes another source"))
        test.check("without a raw socket nothing is known of quotations: no "
                   "TTL, no MPLS, and of translators none but a target's",
                   lambda af, seen: seen.hops == test.path(af) and
                   seen.nat == 5 * [None] and
                   seen.quoted == 5 * [(None, None)], raw=False)
    # The quoted source address is put back, as many a home router does.
    half = {"ip": stateless["ip"].replace(
        "prerouting priority -300; ", "prerouting priority -300; icmp type "
        "time-exceeded @th,160,32 set 0xc6336402; ")}
    with test.rules("r2", half):
        test.check("one that forgets the checksum shows by that",
                   lambda af, seen: seen.hops == test.path(af) and
                   seen.nat == [None, None, "checksum", "checksum", None] and
                   seen.says(4, "NAT: quotes another checksum"), (4,))


def test_dnat(test):
    """Before the service, as balancers do: who is behind it answers with the
    service's address."""
    to = {family: hook("nat", "prerouting", -100, "%s daddr %s dnat to %s" % (
        family, SERVICE[af], chain.BEHIND[af]))
        for af, family in ((4, "ip"), (6, "ip6"))}
    # Not at r2, which still tracks the flow of the test before.
    with test.rules("r3", to):
        for raw in (True, False):
            test.check("a translator before the service: routers with its "
                       "address, and the trace goes on, %s privilege" %
                       ("with" if raw else "without"), lambda af, seen:
                       seen.hops == [*test.path(af)[:2], *3 * [SERVICE[af]]]
                       and seen.nat == [None, None, "target", "target", None]
                       and seen.outcome == ("answered", None) and
                       seen.says(3, "NAT: a router with the target's "
                                    "address"), raw=raw)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(ROUTERS, offload=True) as on:
            one = Test(results, prober, on)
            one.check("a checksum that is left to the network card is no "
                      "translator's", lambda af, seen:
                      seen.hops == one.path(af) and not any(seen.nat))
        with chain.Chain(ROUTERS) as on:
            on.must("vp", "sh", "-c",
                    "echo 0 65535 >/proc/sys/net/ipv4/ping_group_range")
            one = Test(results, prober, on)
            test_plain(one)
            test_privilege(one)
            test_stamps(one)
            test_loop(one)
            test_in_flight(one)
            test_silent_and_twice(one)
            test_nat(one)
            test_dnat(one)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
