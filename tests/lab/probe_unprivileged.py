#!/usr/bin/python3 -I
# Without any privilege acprobe asks DNS questions, and traces and echoes where the kernel lets it.
"""usage: probe_unprivileged.py [SEED]"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

RANGE = "net.ipv4.ping_group_range"


def look(prober, lab, vp, *words):
    return prober.look(lab, vp, "-z", ZONE, "-i", "0.05", *words, SERVICE[4],
                       SERVICE[6], raw=False)


def test_not_permitted(results, prober, lab, rows):
    done = lab.exec("vp1", *probing.nobody(False), "sh", "-c",
                    "grep Cap /proc/self/status; cat "
                    "/proc/sys/net/ipv4/ping_group_range")
    results.ok("1\t0" in done.stdout and all(
        int(line.split()[1], 16) == 0 for line in done.stdout.splitlines()
        if line.startswith("Cap")), "nobody has no capability, and the "
        "kernel lets nobody ping", done.stdout)
    seen = look(prober, lab, "vp1")
    here = [row for row in rows if row["vp"] == "vp1"]
    results.ok(seen.status == 0 and all(
        seen.identity(row["af"])["instance_hex"] == row["nsid_hex"]
        for row in here), "DNS names the instance all the same", seen.stderr)
    unsent = seen.of("echo") + seen.of("trace")
    results.ok(len(unsent) == 12 and all(
        r["outcome"] == "unsent" and r["reason"] == "no permission" and
        r["rtt_us"] is None for r in unsent),
        "echo and trace are unsent for want of permission", unsent)
    results.ok(seen.stderr.count("\n") == 1 and
               "ping_group_range" in seen.stderr and
               "CAP_NET_RAW" in seen.stderr,
               "said once, with what would permit it", seen.stderr)
    done = prober.run(lab, "vp1", "--only", "echo", SERVICE[4], raw=False)
    results.ok(done.returncode == 1 and "no permission" in done.stdout,
               "a look at echo alone says so, too", done.stdout)


def disagreements(prober, lab, row, seen):
    af = row["af"]
    trace, echo = seen.of("trace", af)[0], seen.of("echo", af)
    least = probing.least_rtt_ms(echo)
    found = []
    if trace["outcome"] != "answered" or trace["proto"] != "icmp" or \
            probing.hops_of(trace) != row["hops"]:
        found.append(("hops", row["vp"], af, row["hops"], trace))
    for _ in range(5):  # a busy machine only makes times longer
        if least is None or least - row["rtt_ms"] < 1:
            break
        more = look(prober, lab, row["vp"], "--only", "echo")
        again = probing.least_rtt_ms(more.of("echo", af))
        least = least if again is None else min(least, again)
    if least is None or abs(least - row["rtt_ms"]) >= 1:
        found.append(("rtt", row["vp"], af, row["rtt_ms"], least))
    if seen.identity(af)["instance_hex"] != row["nsid_hex"]:
        found.append(("name", row["vp"], af, row["nsid_hex"]))
    if any(r["stamp"] != "kernel" for r in echo):
        found.append(("stamp", row["vp"], af, [r["stamp"] for r in echo]))
    flows = {(r["flow"]["icmp_id"], r["flow"]["cksum"]) for r in
             echo + [trace]}
    if len(flows) != 1:
        found.append(("flow", row["vp"], af, sorted(flows)))
    return found


def test_permitted(results, prober, lab, rows):
    vps = sorted({row["vp"] for row in rows})
    for vp in vps:
        lab.must(vp, "sysctl", "-qw", RANGE + "=0 2147483647")
    looks = dict(zip(vps, probing.in_parallel(
        lambda vp: look(prober, lab, vp), vps)))
    found = [text for row in rows
             for text in disagreements(prober, lab, row,
                                       looks[row["vp"]])]
    traces = sum(len(looks[vp].of("trace")) for vp in vps)
    results.ok(traces == 20 and not found, "where it is permitted, echo and "
               "%d ICMP traces on one flow agree with the truth" % traces,
               found)
    results.ok(all(seen.stderr.count("\n") == 1 and
                   "no raw socket" in seen.stderr for seen in looks.values()),
               "and what a raw socket would show is said once",
               [s.stderr for s in looks.values()])
    again = look(prober, lab, "vp1")
    results.ok([r["flow"] for r in again.of("trace")] ==
               [r["flow"] for r in looks["vp1"].of("trace")],
               "a second look traces on the same flow")


def test_same_as_with_privilege(results, prober, lab):
    """Flow choice does not depend on privilege."""
    bare = look(prober, lab, "vp1", "--only", "dns", "--flows", "4")
    raw = prober.look(lab, "vp1", "-z", ZONE, "-i", "0.05", "--only", "dns",
                      "--flows", "4", SERVICE[4], SERVICE[6])
    results.ok({str(r["flow"]) for r in bare.of("soa")} ==
               {str(r["flow"]) for r in raw.of("soa")} and
               len(bare.of("soa")) == len(raw.of("soa")),
               "DNS flows are the same with privilege and without")


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab(*options) as lab:
            rows = lab.truth()
            test_not_permitted(results, prober, lab, rows)
            test_permitted(results, prober, lab, rows)
            test_same_as_with_privilege(results, prober, lab)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))
