#!/usr/bin/python3 -I
# acprobe names, times and traces from every vantage point what the kernels' forwarding tables say.
"""usage: probe_truth.py [SEED]"""

import collections
import contextlib
import copy
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

RTT_MS = 1.0  # the measured minimum is so close to the truth and to tcpdump
LOOKS = 4     # for a minimum: the machine may be busy elsewhere

pairs = collections.Counter()


def look(prober, lab, vp):
    return prober.look(lab, vp, "-z", ZONE, "-i", "0.05", SERVICE[4],
                       SERVICE[6])


def seen_of(look, af):
    """What acprobe says, in the words of the truth."""
    identity, trace = look.identity(af), look.of("trace", af)
    seen = {"nsid_hex": identity and identity["instance_hex"],
            "method": identity and identity["method"],
            "hops": probing.hops_of(trace[0]) if trace else None,
            "rtt_ms": probing.least_rtt_ms(look.of("soa", af)),
            "soa": {(r["outcome"], r["nsid_hex"]) for r in
                    look.of("soa", af)}}
    for key in ("hostname_bind", "id_server"):
        record = look.of(key.replace("_", "."), af)
        texts = probing.answers(record[0]) if record else []
        seen[key] = texts[0] if texts else None
    return seen


def mismatches(row, seen):
    """Sentences, one for each thing that is not as the truth has it."""
    where = "%s IPv%d" % (row["vp"], row["af"])
    expected = {"nsid_hex": row["nsid_hex"], "hops": row["hops"],
                "hostname_bind": row["hostname_bind"],
                "id_server": row["id_server"],
                "method": "nsid" if row["nsid_hex"] else None,
                "soa": {("answered", row["nsid_hex"])}}
    found = ["%s %s: truth %r, acprobe %r" % (where, key, value, seen[key])
             for key, value in expected.items() if seen[key] != value]
    if seen["rtt_ms"] is None or \
            abs(seen["rtt_ms"] - row["rtt_ms"]) >= RTT_MS:
        found.append("%s rtt_ms: truth %r, acprobe %r" % (
            where, row["rtt_ms"], seen["rtt_ms"]))
    return found


def compare(rows, seen, what):
    found = []
    for row in rows:
        pairs[what] += 1
        found += mismatches(row, seen[row["vp"], row["af"]])
    return found


def too_slow(rows, seen):
    return {row["vp"] for row in rows
            if seen[row["vp"], row["af"]]["rtt_ms"] is not None and
            seen[row["vp"], row["af"]]["rtt_ms"] - row["rtt_ms"] >= RTT_MS}


def measure(prober, lab, rows):
    """What acprobe sees from everywhere. Where a minimum is too long it looks
    again: of a busy machine only more samples find the least."""
    vps = sorted({row["vp"] for row in rows})
    looks = dict(zip(vps, probing.in_parallel(
        lambda vp: look(prober, lab, vp), vps)))
    seen = {(vp, af): seen_of(looks[vp], af) for vp in vps for af in (4, 6)}
    for _ in range(LOOKS - 1):
        for vp in too_slow(rows, seen):
            again = look(prober, lab, vp)
            for af in (4, 6):
                rtt_ms = seen_of(again, af)["rtt_ms"]
                if rtt_ms is not None:
                    seen[vp, af]["rtt_ms"] = min(rtt_ms,
                                                 seen[vp, af]["rtt_ms"])
    return looks, seen


def check(results, prober, lab, what):
    rows = lab.truth()
    looks, seen = measure(prober, lab, rows)
    found = compare(rows, seen, what)
    results.ok(not found, "%s: names, methods, RTT and hops are the truth's" %
               what, "\n".join(found))
    gaps = [seen[row["vp"], row["af"]]["rtt_ms"] - row["rtt_ms"]
            for row in rows if seen[row["vp"], row["af"]]["rtt_ms"]]
    probing.say("%s: %d pairs, RTT minus truth %.3f to %.3f ms" % (
        what, len(rows), min(gaps), max(gaps)))
    return rows, looks, seen


# --- tcpdump ---

def captured_ms(capture, record):
    """The least RTT of a flow's timed question by a capture: queries of the
    host's own TTL, replies by DNS id."""
    sport, qname = record["flow"]["sport"], record["qname"].rstrip(".")
    wanted = b"".join(bytes([len(label)]) + label.encode()
                      for label in qname.split(".")) + b"\0\0\x06"
    asked, least = {}, None
    for ns, packet in capture.packets():
        udp = probing.read_udp(packet)
        if udp is None or wanted not in udp[3][:300] or \
                (packet[0] >> 4) != record["af"]:
            continue
        dns_id = struct.unpack("!H", udp[3][:2])[0]
        if udp[0] == sport and udp[2] == 64:
            asked[dns_id] = ns
        elif udp[1] == sport and dns_id in asked:
            rtt_ms = (ns - asked.pop(dns_id)) / 1e6
            least = rtt_ms if least is None else min(least, rtt_ms)
    return least


def test_tcpdump(results, prober, lab, vps):
    with contextlib.ExitStack() as stack:
        captures = {vp: stack.enter_context(
            probing.Capture(lab, vp, "udp", "port", "53")) for vp in vps}
        looks = dict(zip(vps, probing.in_parallel(
            lambda vp: look(prober, lab, vp), vps)))
    gaps = {}
    for vp in vps:
        for af in (4, 6):
            soa = looks[vp].of("soa", af)
            seen = captured_ms(captures[vp], soa[0])
            least = probing.least_rtt_ms(soa)
            gaps[vp, af] = None if None in (seen, least) else least - seen
    bad = {str(key): gap for key, gap in gaps.items()
           if gap is None or abs(gap) >= RTT_MS}
    results.ok(len(gaps) == 2 * len(vps) and not bad,
               "the least RTT is within 1 ms of tcpdump's", bad)
    if not bad:
        probing.say("acprobe minus tcpdump: %.3f to %.3f ms, %d pairs" % (
            min(gaps.values()), max(gaps.values()), len(gaps)))
    stamps = {r["stamp"] for vp in vps for r in looks[vp].of("soa")}
    results.ok(stamps == {"kernel"}, "both ends are stamped by the kernel",
               sorted(map(str, stamps)))


# --- what happens ---

def test_ignorance(results, prober, lab):
    done = lab.exec("vp1", *probing.nobody(True), "ls", lab.dir)
    results.ok(done.returncode != 0 and not done.stdout,
               "who runs acprobe cannot read the lab's folder", done.stdout)
    done = lab.exec("vp1", *probing.nobody(True), "sh", "-c",
                    "grep Cap /proc/self/status; id -u")
    caps = {line.split()[0]: int(line.split()[1], 16)
            for line in done.stdout.splitlines()[:-1]}
    results.ok(caps.get("CapEff:") == 1 << 13 and "65534" in done.stdout,
               "and has CAP_NET_RAW and nothing more", done.stdout)


def test_falsified(results, rows, seen):
    """A wrong truth is found: the test can fail."""
    for key in ("nsid_hex", "hostname_bind", "id_server", "hops", "rtt_ms"):
        false = copy.deepcopy(rows)
        first = false[0]
        other = next((row for row in false if row[key] != first[key] and
                      abs(row["rtt_ms"] - first["rtt_ms"]) > 2 * RTT_MS),
                     None)
        first[key], other[key] = other[key], first[key]
        found = [text for row in false
                 for text in mismatches(row, seen[row["vp"], row["af"]])]
        places = {text.split(" ", 2)[0] + text.split(" ", 2)[1]
                  for text in found}
        results.ok(len(places) == 2 and all(key in text or "method" in text or
                                            "soa" in text for text in found),
                   "a truth with two %s swapped is found false" % key, found)


def busiest(rows):
    """The site that most reach, in both families."""
    return collections.Counter(
        row["node"] for row in rows).most_common(1)[0][0]


def names(rows):
    return [(row["vp"], row["af"], row["nsid_hex"]) for row in rows]


def caught_of(before, rows):
    sites = {row["node"] for row in before}
    return [row for row in rows if row["node"] not in sites]


def hijack_somebody(lab, before, *how):
    """The rogue announces as a customer of the busiest network where that
    catches somebody."""
    counted = collections.Counter(row["path"][1] for row in before)
    for where, _ in counted.most_common():
        lab.event("hijack", where, *how)
        if caught_of(before, lab.truth()):
            return
        lab.event("unhijack")


def settled(lab):
    """The forwarding tables when they stay as they are."""
    rows = lab.truth()
    for _ in range(30):
        time.sleep(0.3)
        again = lab.truth()
        if names(again) == names(rows):
            break
        rows = again
    return rows


def prepend_somewhere(lab, before):
    """The busiest site whose longer path moves somebody, and whether it does:
    in an internet where networks prefer their customers' ways none may."""
    counted = collections.Counter(row["node"] for row in before)
    for site, _ in counted.most_common():
        lab.event("prepend", site, "6")
        if names(settled(lab)) != names(before):
            return site, True
        lab.event("prepend", site, "0")
        settled(lab)
    return site, False


def test_hijack(results, prober, lab, before, name):
    hijack_somebody(lab, before, *(["--name", name] if name else
                                   ["--no-name"]))
    what = "a hijack by " + (name or "one without a name")
    rows, _, seen = check(results, prober, lab, what)
    caught = caught_of(before, rows)
    probing.say("%s catches %d of %d" % (what, len(caught), len(rows)))
    wanted = name.encode().hex() if name else None
    results.ok(caught and all(
        row["nsid_hex"] == wanted and
        seen[row["vp"], row["af"]]["nsid_hex"] == wanted for row in caught),
        "%s: who is caught sees %s" % (what, name or "no identity, and never "
                                       "the old one"), caught)
    lab.event("unhijack")


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab(*options) as lab:
            test_ignorance(results, prober, lab)
            before, _, seen = check(results, prober, lab, "undisturbed")
            results.ok(len(before) >= 16 and not any(
                row["ambiguous"] or not row["answering"] for row in before),
                "the truth is clear for every vantage point", before)
            test_falsified(results, before, seen)
            test_tcpdump(results, prober, lab,
                         sorted({row["vp"] for row in before}))
            site = busiest(before)
            lab.event("withdraw", site)
            rows, _, _ = check(results, prober, lab, "a withdrawal")
            results.ok(names(rows) != names(before) and
                       all(row["node"] != site for row in rows),
                       "the withdrawal moves somebody", names(rows))
            lab.event("announce", site)
            settled(lab)
            site, moved = prepend_somewhere(lab, before)
            rows, _, _ = check(results, prober, lab, "a prepend")
            results.ok((names(rows) != names(before)) == moved,
                       "the prepend moves somebody" if moved else
                       "no prepend moves anybody here", names(rows))
            lab.event("prepend", site, "0")
            test_hijack(results, prober, lab, before, "rogue-1.evil.test")
            test_hijack(results, prober, lab, before, None)
            rows, _, _ = check(results, prober, lab, "announced again")
            results.ok(names(rows) == names(before),
                       "all is as it was at first", names(rows))
    finally:
        prober.remove()
    probing.say("pairs of vantage point and family compared with the truth: "
                "%d (%s)" % (sum(pairs.values()), ", ".join(
                    "%s %d" % item for item in pairs.items())))


if __name__ == "__main__":
    sys.exit(probing.main(test))
