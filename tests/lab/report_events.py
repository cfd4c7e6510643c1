#!/usr/bin/env python3
# Proves that acreport events tells what was done to a service in the lab, and nothing else, over loss, jitter, an ECMP pair and a silent vantage point.
# time limit: 400 s
"""Scripts of what may happen, each followed by rounds of acprobe from every
vantage point. Packets, routes, names, losses and paths are real; only the
clock is not: a round counts as five minutes, and hours pass between two acts.
What should be reported, in every column, is what the forwarding tables say of
each vantage point's flows before and after, seen when the records were
answered (event_truth.py).
A delay that changes moves nobody, and loss that leaves answers is none: they
must make no event, and latency and availability must show them.
usage: report_events.py; SEED, SCRIPTS (3), ACTS of each (2), KEEP=DIR for the
evidence."""

import collections
import math
import os
import sys
import tempfile
import time

import probing
from event_script import EVIL, KINDS, Script, World, in_us
from event_truth import Oracle, tally

SEED = int(os.environ.get("SEED") or 1)
SCRIPTS = int(os.environ.get("SCRIPTS") or 3)
ACTS = int(os.environ.get("ACTS") or 2)
KEEP = os.environ.get("KEEP")
DELAY_NEAR_MS = 6  # jitter of a way and back, and a busy machine


def fits(wanted, row):
    return (row["kind"], row["site"]) in wanted.kinds and \
        in_us(row["start"]) == wanted.time and \
        all(row[name] == wanted.columns[name] for name in (
            "vantage_points", "to_sites") if name in wanted.columns)


def same(wanted, got):
    """Texts, or numbers that were rounded once more."""
    if wanted == got:
        return True
    try:
        return math.isclose(float(wanted), float(got), abs_tol=0.0011)
    except ValueError:
        return False


class Count:
    """What was wanted and found, over all scripts."""

    def __init__(self):
        self.wanted = self.came = self.right = 0
        self.columns = self.wrong = 0
        self.hijacks = self.p95 = self.seen = self.returned = 0
        self.diverged = self.beside = 0

    def add(self, wanted, row):
        self.right += 1
        self.columns += len(wanted.named())
        self.hijacks += EVIL in row["to_sites"]
        self.p95 += row["convergence_p95_s"] != ""
        self.seen += row["seen_before"] != ""
        self.returned += row["returned"] != "0"
        self.diverged += " > " in row["diverges"]


def compare(wanted, row):
    for name, value in wanted.columns.items():
        if not same(value, row[name]):
            yield "%s: wanted %r" % (name, value), row
    for column, sentence, question in wanted.checks:
        if not question(row):
            yield "%s: %s" % (column, sentence), row
    if wanted.named() != set(row):
        yield "not compared: %s" % (wanted.named() ^ set(row)), row


def match(script, oracle, count):
    """What is amiss."""
    events = oracle.events()
    rows = script.report("events")
    count.wanted += len(events)
    count.came += len(rows)
    amiss = []
    for wanted in events:
        found = next((row for row in rows if fits(wanted, row)), None)
        if found is None:
            amiss.append(("missed", str(wanted)))
            continue
        rows.remove(found)
        count.add(wanted, found)
        wrong = list(compare(wanted, found))
        count.wrong += len(wrong)
        amiss += wrong
    return amiss + [("false", {k: v for k, v in row.items() if v})
                    for row in rows]


# --- what other reports show ---

def least_of(script, vp, begin, end):
    """The least round trip of latency's steps in a time, in ms."""
    rows = script.report("latency", "--by", "vp", "--vp", vp, "--question",
                         "soa", "--step", "5m", since=begin, until=end)
    found = [float(row["min_ms"]) for row in rows if row["min_ms"]]
    return min(found, default=math.inf), len(rows)


def slower(script, one):
    """A delay that changes is in latency, of that one, from then on."""
    act = next(a for a in script.acts if a.time == one.time)
    for vp in script.world.hearing():
        told = [least_of(script, vp, begin, end) for begin, end in (
            (one.begin, one.time), (one.time, one.end))]
        truth = [min(ways[lane].rtt_ms for lane in ways if lane[0] == vp)
                 for ways in (act.before, act.after)]
        if (truth[0] == truth[1]) != (vp not in one.vps):
            yield "only the delay of %s changes" % one.vps, truth
        for (said, steps), least in zip(told, truth):
            if not least - 1 < said < least + DELAY_NEAR_MS or steps < 3:
                yield "latency of %s says %.3f ms, not %.3f, in %d steps" % (
                    vp, said, least, steps), told


def lost(script, one):
    """Loss is in availability, of those, at that time."""
    rows = script.report("availability", "--by", "vp", "--question", "soa",
                         since=one.begin, until=one.end)
    told = {row["vp"]: (int(row["asked"]), int(row["answered"]))
            for row in rows if row["vp"] in script.world.hearing()}
    counted = {}
    for vp in script.world.hearing():
        records = [r for t, r in script.records(vp, "soa")
                   if one.begin <= t < one.end and r["outcome"] != "unsent"]
        counted[vp] = (len(records), sum(
            r["outcome"] == "answered" for r in records))
    if told != counted:
        yield "availability says %s, not %s" % (told, counted), one

    def share(vps):
        asked, answered = (sum(told[vp][i] for vp in vps) for i in (0, 1))
        return answered / asked

    here, there = share(one.vps), share(set(told) - one.vps)
    # 0.49 of 24, and 0.98 of 60
    if there < 0.85 or here > (0.85 if one.kind == "loss" else 0):
        yield "availability of %s is %.2f, that of others %.2f" % (
            one.vps, here, there), told


def as_heard(hops, heard):
    """A way as paths have to show it: a hop that none of its traces heard is a
    star, which of a way that was traced once is a lost answer."""
    return " ".join(hop if ttl in heard or ttl == len(hops) else "*"
                    for ttl, hop in enumerate(hops, 1))


def ends(script, oracle):
    """Paths say at which sites they ended."""
    rows = script.report("paths")
    for vp in script.world.hearing():
        sites = collections.defaultdict(list)
        heard = collections.defaultdict(set)
        for number, (t, record) in enumerate(script.records(vp, "trace")):
            way = oracle.way((vp, 0), t)
            if record["outcome"] == "answered":
                sites[way.hops].append((number, way.site))
                heard[way.hops].update(
                    hop["ttl"] for hop in record["hops"] if hop["addr"])
        wanted = {as_heard(hops, heard[hops]): tally(held)
                  for hops, held in sites.items()}
        told = {row["hops"]: row["sites"] for row in rows
                if row["vp"] == vp and row["sites"]}
        if told != wanted:
            yield "paths of %s end at %s, not %s" % (vp, told, wanted), ""


def beside(script, oracle, count):
    """What is amiss in other reports."""
    amiss = list(ends(script, oracle))
    for one in script.beside:
        count.beside += 1
        amiss += (slower if one.kind == "latency" else lost)(script, one)
    return amiss


# --- the test ---

def play(world, number, count):
    with tempfile.TemporaryDirectory() as folder:
        script = Script(world, SEED * 1000 + number, folder)
        # Every kind has its turn; and one more of each script is drawn.
        kinds = [KINDS[(number * (ACTS - 1) + k) % len(KINDS)]
                 for k in range(ACTS - 1)] + [script.rng.choice(KINDS)]
        for kind in kinds:
            while not script.act(kind):
                kind = script.rng.choice(KINDS)
        script.store()
        oracle = Oracle(script)
        amiss = match(script, oracle, count) + beside(script, oracle, count)
        if KEEP:
            script.keep(os.path.join(KEEP, "script-%d-%d" % (SEED, number)),
                        amiss)
        world.restore()
    return script, amiss


def quiet(world, results):
    with tempfile.TemporaryDirectory() as folder:
        script = Script(world, 0, folder)
        script.round(12)
        script.store()
        rows = script.report("events")
        results.ok(rows == [] and not list(Oracle(script).events()),
                   "nothing happens in a quiet hour", rows)


def test(results):
    prober = probing.Prober()
    count = Count()
    try:
        with probing.lab("--topology", "ecmp", "--seed", str(SEED)) as lab:
            world = World(lab, prober)
            quiet(world, results)
            for number in range(SCRIPTS):
                began, before = time.monotonic(), count.wanted
                script, amiss = play(world, number, count)
                results.ok(not amiss, "%s: %d events" % (
                    " ".join(script.done), count.wanted - before),
                    "\n".join(map(str, amiss)))
                probing.say("%.0f s" % (time.monotonic() - began))
    finally:
        prober.remove()
    probing.say("seed %d, %d scripts: %d of %d columns are right; %d hijacks, "
                "%d with a p95, %d seen before, %d of which somebody "
                "returned, %d with a diverging network; %d acts in latency "
                "and availability" % (
                    SEED, SCRIPTS, count.columns - count.wrong, count.columns,
                    count.hijacks, count.p95, count.seen, count.returned,
                    count.diverged, count.beside))
    wanted, came, right = count.wanted, count.came, count.right
    results.ok(wanted > 0 and wanted == came == right,
               "of %d events %d are found, of %d reported %d are true: recall "
               "%.3f, precision %.3f" % (
                   wanted, right, came, right, right / max(wanted, 1),
                   right / max(came, 1)))


if __name__ == "__main__":
    sys.exit(probing.main(test))
