#!/usr/bin/python3 -I
# Where routers spread flows over equal paths, acprobe says which flow ends where, and what is only a diamond.
"""usage: probe_ecmp.py [SEED]"""

import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

FLOWS = 16


def look(prober, lab, vp, af, *words):
    return prober.look(lab, vp, "-z", ZONE, "-i", "0.05", "--flows",
                       str(FLOWS), *words, SERVICE[af])


def flow_truth(lab, vp, af, sport):
    rows = lab.truth("--flow", "sport=%d,dport=53,proto=udp" % sport, vp)
    return next(row for row in rows if row["af"] == af)


def disagreements(lab, vp, af, identity):
    """Flows whose instance is not that of the truth."""
    def one(flow):
        row = flow_truth(lab, vp, af, flow["sport"])
        return None if flow["instance"] == row["instance"] else \
            (vp, af, flow["n"], flow["instance"], row["instance"])
    return list(filter(None, probing.in_parallel(one, identity["flows"])))


def test_per_flow(results, prober, lab, row):
    vp, af = row["vp"], row["af"]
    where = "%s IPv%d" % (vp, af)
    seen = look(prober, lab, vp, af)
    identity = seen.identity(af)
    named = collections.Counter(f["instance"] for f in identity["flows"])
    probing.say("%s: %s" % (where, dict(named)))
    results.ok(set(named) == set(row["instances"]) and len(named) == 2,
               "%s: %d flows name both instances" % (where, FLOWS),
               (named, row["instances"]))
    results.ok(identity["verdict"] == "per-flow", "%s: the verdict is "
               "per-flow" % where, identity["verdict"])
    wrong = disagreements(lab, vp, af, identity)
    results.ok(len(identity["flows"]) == FLOWS and not wrong,
               "%s: each flow ends where the truth says" % where, wrong)
    trace = seen.of("trace")[0]
    path = flow_truth(lab, vp, af, trace["flow"]["sport"])
    results.ok(probing.hops_of(trace) == path["hops"], "%s: the path is that "
               "of its flow" % where, (trace["hops"], path["hops"]))
    again = look(prober, lab, vp, af, "--only", "dns").identity(af)
    results.ok([(f["sport"], f["instance"]) for f in again["flows"]] ==
               [(f["sport"], f["instance"]) for f in identity["flows"]],
               "%s: a second look sees the same flows at the same instances" %
               where, again["flows"])


def test_diamond(results, prober, lab, row):
    vp, af = row["vp"], row["af"]
    identity = look(prober, lab, vp, af, "--only", "dns").identity(af)
    named = {f["instance"] for f in identity["flows"]}
    results.ok(identity["verdict"] == "stable" and
               named == set(row["instances"]) and len(named) == 1,
               "%s IPv%d: %d paths to one instance are stable" % (
                   vp, af, len(row["paths"])), (identity, row["instances"]))


def spread(lab, row):
    """The router that has equal paths to the service: its name and next hops."""
    family = "-%d" % row["af"]
    for path in row["paths"]:
        for node in path["path"] if isinstance(path, dict) else path:
            done = lab.exec(node, "ip", family, "-j", "route", "show", "to",
                            "match", SERVICE[row["af"]])
            routes = json.loads(done.stdout or "[]") if \
                done.returncode == 0 else []
            hops = [hop for route in routes for hop in
                    route.get("nexthops", [])]
            if len(hops) == 2:
                return node, hops
    raise SystemExit("no router has two paths: %s" % row)


def test_per_packet(results, prober, lab, row):
    """The same router draws a path for each packet, not for each flow."""
    af = row["af"]
    node, hops = spread(lab, row)
    family = ["ip", "-%d" % af]
    for table, hop in enumerate(hops, 101):
        via = hop.get("gateway") or hop["via"]["host"]
        lab.must(node, *family, "route", "add", SERVICE[af], "via", via,
                 "dev", hop["dev"], "table", str(table))
        lab.must(node, *family, "rule", "add", "fwmark", str(table), "table",
                 str(table))
    lab.must(node, "nft", """table inet perpacket {
chain prerouting {
type filter hook prerouting priority mangle
%s daddr %s meta mark set numgen random mod 2 offset 101
}
}
""" % ("ip" if af == 4 else "ip6", SERVICE[af]))
    identity = look(prober, lab, row["vp"], af, "--only", "dns").identity(af)
    lab.must(node, "nft", "delete", "table", "inet", "perpacket")
    for table in (101, 102):
        lab.must(node, *family, "rule", "del", "fwmark", str(table))
        lab.must(node, *family, "route", "flush", "table", str(table))
    named = {f["instance"] for f in identity["flows"]}
    results.ok(identity["verdict"] == "per-packet" and
               named == set(row["instances"]),
               "%s IPv%d: a balancer that draws for each packet is told apart"
               % (row["vp"], af), identity)
    after = look(prober, lab, row["vp"], af, "--only", "dns").identity(af)
    results.ok(after["verdict"] == "per-flow", "%s IPv%d: and without it it "
               "is per-flow again" % (row["vp"], af), after["verdict"])


def changed(prober, lab, row, site, count):
    """A look of so many questions, in whose middle a site is withdrawn."""
    command = prober.command(lab, row["vp"], *probing.ALLOWED, "-j", "-z",
                             ZONE, "--only", "dns", "-c", str(count), "-i",
                             "0.1", SERVICE[row["af"]])
    with probing.started(lab, row["vp"], "tcpdump", "-i", "eth0", "-n",
                         "-p", "-c", "6", "src", "port", "53") as tcpdump:
        tcpdump.stderr.readline()  # it listens
        with probing.started_command(command) as process:
            tcpdump.communicate(timeout=30)  # six replies have come
            lab.event("withdraw", site)
            output, errors = process.communicate(timeout=60)
    lab.event("announce", site)
    return probing.Look(process.returncode, output, errors)


def test_changed(results, prober, lab, row, site):
    """A route changes in the middle of a look; on a busy machine routing
    takes its time."""
    for count in (60, 240):
        done = changed(prober, lab, row, site, count)
        names = [r["nsid"] for r in done.of("soa") if r["nsid"]]
        if len(set(names)) > 1:
            break
    identity = done.identity(row["af"])
    results.ok(identity["verdict"] == "changed-in-run" and
               len(set(names)) == 2 and identity["instance"] == names[-1],
               "a route that changes in the run is a change, and the latest "
               "instance is named", (identity, names))


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab("--topology", "ecmp", *options) as lab:
            rows = lab.truth()
            split = [row for row in rows if len(row["instances"]) == 2]
            for af in (4, 6):
                for row in [r for r in split if r["af"] == af][:2]:
                    test_per_flow(results, prober, lab, row)
                test_per_packet(results, prober, lab, next(
                    r for r in split if r["af"] == af))
            diamonds = [row for row in rows if len(row["instances"]) == 1 and
                        len(row.get("paths") or []) > 1]
            results.ok(diamonds, "there are diamonds", rows)
            for row in diamonds[:4]:
                test_diamond(results, prober, lab, row)
            single = next(row for row in rows if len(row["instances"]) == 1)
            test_changed(results, prober, lab, single, single["node"])
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
