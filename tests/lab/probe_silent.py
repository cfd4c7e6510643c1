#!/usr/bin/python3 -I
# Silence, no route and ICMP errors each end as their outcome, one record per question, in time.
"""usage: probe_silent.py [SEED]"""

import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

DEADLINE_S = 30  # of a look with default options (DESIGN 10)
EACH = {"soa": 5, "hostname.bind": 1, "id.server": 1, "echo": 5, "trace": 1}
VP = "vp1"

DROP_TARGET = """table inet probetest { chain input {
 type filter hook input priority 0;
 ip saddr 203.0.113.0/24 drop; ip6 saddr 2001:db8:53::/48 drop; }
}"""
DROP_ALL = """table inet probetest { chain input {
 type filter hook input priority 0;
 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
 drop; }
}"""


class Timed:
    def __init__(self, prober, lab, *words, raw=True):
        watch = probing.machine.Watch()
        self.look = prober.look(lab, VP, "-z", ZONE, *words, raw=raw)
        self.seconds = watch.own_seconds()


def counts(look, af):
    return dict(collections.Counter(
        r["question"] for r in look.records if r["af"] == af))


def outcomes(look, *questions):
    return {(r["outcome"], r["reason"]) for r in look.records
            if not questions or r["question"] in questions}


def whole(look, families=(4, 6)):
    return all(counts(look, af) == EACH for af in families) and \
        all(look.identity(af)["instance"] is None for af in families)


def test_silent_target(results, prober, lab):
    lab.must(VP, "nft", DROP_TARGET)
    seen = Timed(prober, lab, *SERVICE.values())
    lab.must(VP, "nft", "delete", "table", "inet", "probetest")
    probing.say("a silent target takes %.1f s" % seen.seconds)
    results.ok(seen.look.status == 1 and seen.seconds < DEADLINE_S,
               "a look at an address that never answers ends in time with "
               "exit 1", (seen.look.status, seen.seconds))
    results.ok(whole(seen.look) and outcomes(seen.look) ==
               {("timeout", None)}, "with one record for each question, all "
               "timeout", outcomes(seen.look))
    rows = lab.truth(VP)
    results.ok([probing.hops_of(seen.look.of("trace", row["af"])[0])
                for row in rows] == [row["hops"] for row in rows],
               "and the path as far as it is known",
               seen.look.of("trace"))
    results.ok(all(r["rtt_us"] is None for r in seen.look.records),
               "and no record has a round trip")


def test_deaf(results, prober, lab):
    lab.must(VP, "nft", DROP_ALL)
    try:
        for raw in (True, False):
            seen = Timed(prober, lab, *SERVICE.values(), raw=raw)
            what = "with privilege" if raw else "without"
            probing.say("all silent, %s: %.1f s" % (what, seen.seconds))
            wanted = {("timeout", None)}
            if not raw:  # ping_group_range lets nobody
                wanted.add(("unsent", "no permission"))
            results.ok(seen.look.status == 1 and
                       seen.seconds < DEADLINE_S and whole(seen.look) and
                       outcomes(seen.look) == wanted,
                       "a host that hears nothing ends in time, %s" % what,
                       (seen.look.status, seen.seconds, outcomes(seen.look)))
    finally:
        lab.must(VP, "nft", "delete", "table", "inet", "probetest")


def test_no_route(results, prober, lab, raw):
    what = "with privilege" if raw else "without"
    lab.must(VP, "ip", "route", "del", "default")
    seen = Timed(prober, lab, *SERVICE.values(), raw=raw)
    lab.must(VP, "ip", "route", "add", "default", "via",
             lab.gateway[4])
    four = [r for r in seen.look.records if r["af"] == 4]
    wanted = {("unsent", "no route")}
    if not raw:
        wanted.add(("unsent", "no permission"))
    results.ok({(r["outcome"], r["reason"]) for r in four} == wanted and counts(seen.look, 4) == EACH,
               "without a route each question is unsent, %s" % what, four[:2])
    results.ok(seen.look.status == 1 and seen.look.identity(6)["instance"] and
               seen.look.of("soa", 6)[0]["outcome"] == "answered",
               "the other family is answered all the same, %s" % what,
               seen.look.stderr)
    results.ok(len(seen.look.opened) == 1 and
               " and 1 more: " in seen.look.opened[0],
               "that special prefixes are open is said once, and of how many "
               "addresses, %s" % what, seen.look.opened)
    results.ok(seen.look.stderr.count("no route") == 1 and
               seen.look.stderr.count("no permission") == (not raw) and
               seen.look.stderr.count("\n") == 1 + (not raw),
               "and it is said once, %s" % what, seen.look.stderr)
    results.ok(all((r["flow"].get("sport") or r["flow"].get("icmp_id") or 0) >
                   0 and r["flow"]["src"] is None for r in four),
               "their records have the flow but no source, %s" % what,
               [r["flow"] for r in four])


def test_routes_that_refuse(results, prober, lab):
    """In the host's own table: nothing leaves it."""
    for kind in ("unreachable", "prohibit", "blackhole"):
        found = []
        for af, address in SERVICE.items():
            lab.must(VP, "ip", "-%d" % af, "route", "add", kind, address)
            seen = Timed(prober, lab, "-c", "2", address)
            lab.must(VP, "ip", "-%d" % af, "route", "del", kind, address)
            if seen.look.status != 1 or outcomes(seen.look) != {
                    ("unsent", "no route")} or seen.seconds > 5:
                found.append((af, seen.seconds, seen.look.status,
                              sorted(map(str, outcomes(seen.look)))))
        results.ok(not found, "a route of type %s is no route" % kind, found)


def test_refused(results, prober, lab, raw):
    """The server is dead and its host says so."""
    what = "with privilege" if raw else "without"
    seen = Timed(prober, lab, *SERVICE.values(), raw=raw)
    wanted = {4: "icmp 3/3", 6: "icmp 1/4"}
    found = [r for r in seen.look.records if r["type"] == "dns" and
             (r["outcome"], r["reason"]) != ("refused", wanted[r["af"]])]
    results.ok(not found and seen.look.status == 1,
               "a dead server's questions are refused, %s" % what, found[:2])
    results.ok(seen.seconds < 10, "at once, %s" % what, seen.seconds)
    if not raw:
        return
    traces = [(r["outcome"], r["reason"], probing.hops_of(r))
              for r in seen.look.of("trace")]
    rows = lab.truth(VP)
    results.ok(traces == [("refused", wanted[row["af"]], row["hops"])
                          for row in rows],
               "a trace to a dead server is whole and refused", traces)
    results.ok(all(r["outcome"] == "answered" for r in seen.look.of("echo")),
               "echo is answered by its host", outcomes(seen.look, "echo"))


def test_unreachable(results, prober, lab, raw):
    """A router on the way has a route that refuses."""
    what = "with privilege" if raw else "without"
    access = lab.truth(VP)[0]["path"][1]
    expected = {("unreachable", 4): (3, 1), ("unreachable", 6): (1, 0),
                ("prohibit", 4): (3, 13), ("prohibit", 6): (1, 1)}
    for kind in ("unreachable", "prohibit"):
        found = []
        for af, address in SERVICE.items():
            route = ["ip", "-%d" % af, "route", "add", kind, address]
            lab.must(access, *route)
            seen = Timed(prober, lab, "-c", "2", address, raw=raw)
            lab.must(access, *route[:3], "del", *route[4:])
            reason = "icmp %d/%d" % expected[kind, af]
            wanted = {("unreachable", reason)}
            if not raw:  # ping_group_range lets nobody
                wanted.add(("unsent", "no permission"))
            # Linux sends a host few such IPv4 errors, whatever its sysctls.
            limited = {("timeout", None)} if af == 4 else set()
            if outcomes(seen.look) - limited != wanted or \
                    seen.look.status != 1:
                found.append((af, sorted(map(str, outcomes(seen.look)))))
        results.ok(not found, "a router's %s has its type and code, %s" % (
            kind, what), found)


def test_port_elsewhere(results, prober, lab):
    seen = Timed(prober, lab, SERVICE[4] + "@5353", "--only", "dns")
    results.ok(outcomes(seen.look) == {("refused", "icmp 3/3")},
               "a port where nobody listens is refused",
               outcomes(seen.look))


def test_lossy(results, prober, lab):
    access = lab.truth(VP)[0]["path"][1]
    lab.event("loss", VP, access, "30")
    seen = Timed(prober, lab, "-c", "20", "-i", "0.05", "-W", "0.6",
                 *SERVICE.values())
    lab.event("loss", VP, access, "0")
    soa = seen.look.of("soa")
    got = collections.Counter(r["outcome"] for r in soa)
    probing.say("loss of 30 %% each way: %s" % dict(got))
    results.ok(len(soa) == 40 and set(got) == {"answered", "timeout"} and
               got["answered"] > 4 and got["timeout"] > 4,
               "what is lost is a record, too", got)


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab(*options) as lab:
            lab.gateway = {4: lab.must(
                VP, "ip", "-o", "route", "show", "default").split()[2]}
            test_silent_target(results, prober, lab)
            test_deaf(results, prober, lab)
            for raw in (True, False):
                test_no_route(results, prober, lab, raw)
            test_routes_that_refuse(results, prober, lab)
            for raw in (True, False):
                test_unreachable(results, prober, lab, raw)
            test_port_elsewhere(results, prober, lab)
            test_lossy(results, prober, lab)
            for site in {row["node"] for row in lab.truth(VP)}:
                lab.event("dead", site)
            for raw in (True, False):
                test_refused(results, prober, lab, raw)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
