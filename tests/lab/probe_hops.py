#!/usr/bin/python3 -I
# Under the limits of ICMP errors that kernels have by default a trace finds every hop that scamper and traceroute find, and as nobody all ten hops are found in every run.
"""usage: probe_hops.py [RUNS]; 20 runs as nobody in each family, or 200 with
STRICT=1"""

import ipaddress
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
from probing import SERVICE  # noqa: E402
from strict import STRICT  # noqa: E402

ROUTERS = 10
PAIRS = 3  # runs of acprobe and of a peer, in turn
LIMITS = ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit")


def address(text):
    return str(ipaddress.ip_address(text))


def ours(test, af, raw):
    """{TTL: address} of the hops, the target included."""
    look = test.prober.look(test.on, "vp", "--only", "trace", SERVICE[af],
                            raw=raw)
    trace = look.of("trace")[0]
    return {hop["ttl"]: hop["addr"] for hop in trace["hops"] if hop["addr"]}


def of_scamper(test, af, method):
    done = probing.run(*test.on.command(
        "vp", "scamper", "-O", "json", "-c", "trace -P %s -w 1" % method,
        "-i", SERVICE[af]))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    trace = next(row for row in rows if row["type"] == "trace")
    return {hop["probe_ttl"]: address(hop["addr"]) for hop in
            trace.get("hops", [])}


def of_traceroute(test, af):
    done = probing.run(*test.on.command(
        "vp", "traceroute", "-%d" % af, "-n", "-q", "2", "-w", "1", "-I",
        SERVICE[af]))
    found = {}
    for ttl, rest in re.findall(r"^ *(\d+) (.*)$", done.stdout, re.M):
        words = [w for w in rest.split() if "." in w or ":" in w]
        if words and any(c in words[0] for c in ":.") and \
                not re.fullmatch(r"\d+\.\d+", words[0]):
            found[int(ttl)] = address(words[0])
    return found


class Test:
    def __init__(self, results, prober, on):
        self.results, self.prober, self.on = results, prober, on

    def path(self, af):
        return dict(enumerate([*self.on.hops(af), SERVICE[af]], 1))


def test_limits(test):
    """They are as a kernel has them, and they bite."""
    said = {name: test.on.must("r3", "sysctl", "-n", name).strip()
            for name in LIMITS}
    probing.say("limits: %s" % said)
    test.results.ok("0" not in said.values(), "routers limit their ICMP "
                    "errors as the kernel does by default", said)
    for af in (4, 6):
        done = probing.run(*test.on.command(
            "vp", "ping", "-%d" % af, "-n", "-q", "-t", "3", "-c", "20", "-i",
            "0.02", "-W", "1", SERVICE[af]))
        said_errors = re.search(r"\+(\d+) errors", done.stdout)
        got = int(said_errors[1]) if said_errors else 0  # not said of none
        test.results.ok(0 < got < 20, "IPv%d: a router answers %d of 20 "
                        "packets" % (af, got), done.stdout)


def compare(test, af, what, raw, peer):
    """Who is first takes what the limits leave: in turn."""
    found = {"ours": [], "theirs": []}
    for i in range(PAIRS):
        runs = [("ours", lambda: ours(test, af, raw)), ("theirs", peer)]
        for who, one in runs if i % 2 == 0 else reversed(runs):
            found[who].append(one())
    count = {who: sum(map(len, runs)) for who, runs in found.items()}
    wrong = [run for run in found["ours"] if any(
        test.path(af).get(ttl) != hop for ttl, hop in run.items())]
    probing.say("IPv%d %s: %d hops, theirs %d" % (
        af, what, count["ours"], count["theirs"]))
    test.results.ok(count["ours"] >= count["theirs"] > 0 and not wrong and
                    set.union(*map(set, found["ours"])) >=
                    set.union(*map(set, found["theirs"])),
                    "IPv%d: hops found are at least those of %s" % (af, what),
                    found)


def test_peers(test):
    for af in (4, 6):
        compare(test, af, "scamper's udp-paris, by the DNS flow", True,
                lambda: of_scamper(test, af, "udp-paris"))
        compare(test, af, "scamper's icmp-paris, by ICMP", False,
                lambda: of_scamper(test, af, "icmp-paris"))
        compare(test, af, "traceroute -I, by ICMP", False,
                lambda: of_traceroute(test, af))


def test_nobody(test, runs):
    """A pending ICMP error makes the next send fail."""
    for af in (4, 6):
        wrong = []
        for i in range(runs):
            found = ours(test, af, False)
            if found != test.path(af):
                wrong.append((i, found))
        test.results.ok(not wrong, "IPv%d: as nobody, all ten hops in each "
                        "of %d runs" % (af, runs), wrong[:5])


def flow_rows(test, af, raw):
    """What tshark reads of the packets of one trace: what a balancer looks
    at, then TTL and whether the checksum is right."""
    with probing.Capture(test.on, "vp") as capture:
        ours(test, af, raw)
    ip, src, label = ("ip.ttl", "ip.src", "ip.dsfield.dscp") if af == 4 else (
        "ipv6.hlim", "ipv6.src", "ipv6.flow")
    icmp = "icmp" if af == 4 else "icmpv6"
    if raw:
        kind = "udp.dstport == 53 && !icmp && !icmpv6"
        fields = ("udp.srcport", "udp.dstport", label, ip,
                  "udp.checksum.status")
    else:
        # Errors quote such a packet, too.
        kind = "%s.type == %d && !(%s.type == %d)" % (
            (icmp, 8, icmp, 11) if af == 4 else (icmp, 128, icmp, 3))
        fields = (icmp + ".checksum", "icmp.ident" if af == 4 else
                  "icmpv6.echo.identifier", label, ip,
                  icmp + ".checksum.status")
    return capture.tshark("%s == %s && %s" % (src, chain.VP[af], kind),
                          *fields)


def test_flow(test):
    for af in (4, 6):
        for raw in (True, False):
            rows = flow_rows(test, af, raw) + flow_rows(test, af, raw)
            test.results.ok(
                len({row[:3] for row in rows}) == 1 and
                {int(row[3]) for row in rows} >= set(range(1, ROUTERS + 2))
                and {row[4] for row in rows} == {"1"},
                "IPv%d: all packets of two traces are of one flow by tshark, "
                "%s" % (af, "ports and label" if raw else
                        "ICMP checksum, id and label"), rows)


def allow_ping(on):
    on.must("vp", "sysctl", "-qw", "net.ipv4.ping_group_range=0 65535")
    on.greet()


def test(results):
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else \
        200 if STRICT else 20
    prober = probing.Prober()
    try:
        with chain.Chain(ROUTERS, limits=True) as on:
            allow_ping(on)
            one = Test(results, prober, on)
            test_peers(one)
            test_limits(one)
        with chain.Chain(ROUTERS) as on:
            allow_ping(on)
            one = Test(results, prober, on)
            test_flow(one)
            test_nobody(one, runs)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
