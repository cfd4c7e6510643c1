#!/usr/bin/env python3
# Proves that acreport events tells what was done to a service in the lab, and nothing else, over loss, jitter, an ECMP pair and a silent vantage point.
# time limit: 300 s
"""Scripts of what may happen, each followed by rounds of acprobe from every
vantage point. Packets, routes, names, losses and paths are real; only the
clock is not: a round counts as five minutes, and hours pass between two acts.
What should be reported is what the forwarding tables say of each vantage
point's flow before and after; where packets are lost, what the records say.
A delay that changes moves nobody, and loss that leaves answers is none:
they must make no event.
usage: report_events.py; SEED, SCRIPTS (3), ACTS of each (2)."""

import collections
import csv
import datetime
import io
import os
import random
import subprocess
import sys
import tempfile
import time

import probing
import rounds
import truth
from labdir import LabDir

sys.path.insert(0, os.path.join(probing.ROOT, "tests", "lib"))
import uploads  # noqa: E402

SEED = int(os.environ.get("SEED") or 1)
SCRIPTS = int(os.environ.get("SCRIPTS") or 3)
ACTS = int(os.environ.get("ACTS") or 2)
BUILD = os.path.join(probing.ROOT, os.environ.get("B") or "build")
START = 1_795_219_200 * 10**6  # 2026-11-21T00:00:00Z
MINUTE = 60 * 10**6
EVERY, BETWEEN = 5 * MINUTE, 180 * MINUTE
SPOOL = "0e" * 16
CONF = """timeout = "0.4s"
trace_every = "0s"
target "anycast-lab" {
	address = { "%s" }
	zone = "%s"
	echo = false
	trace = true
}
""" % (probing.SERVICE[4], probing.ZONE)
LOSS_PERCENT, JITTER_MS = 1, 2  # each way
SILENT = "vp8"  # cut off all the time
EVIL = "ns1.evil.example"
KINDS = ("withdraw", "hijack", "flap", "announce", "prepend", "reroute",
         "latency", "loss", "dark", "silence")


def in_us(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1e6 + 0.5)


def stamp(us):
    return uploads.utc(us)


class World:
    """The lab, its vantage points, and what is known of each."""

    def __init__(self, lab, prober):
        self.lab, self.folder = lab, LabDir(lab.dir)
        nodes = self.folder.load()["nodes"]
        self.vps = [n for n in nodes if nodes[n]["kind"] == "vp"]
        self.codes = {n: nodes[n]["code"] for n in nodes
                      if nodes[n]["kind"] == "site"}
        self.rounds = {vp: rounds.Rounds(lab, prober, vp, "rounds-" + vp)
                       for vp in self.vps}
        for vp, held in self.rounds.items():
            held.configure(CONF if vp != SILENT else
                           CONF.replace("trace = true", "trace = false"))
            lab.event("loss", vp, nodes[vp]["access"], str(LOSS_PERCENT))
            lab.event("jitter", vp, nodes[vp]["access"], str(JITTER_MS))
        self.access = {vp: nodes[vp]["access"] for vp in self.vps}
        lab.event("silent", SILENT)
        self.sport = {}

    def ask(self, vps):
        """A round of each: {vp: (real time, records)}."""
        done = dict(zip(vps, probing.in_parallel(
            lambda vp: self.rounds[vp].run(), vps, len(vps))))
        for vp, one in done.items():
            if one.head["questions"] is None:
                raise SystemExit("%s: %s" % (vp, one.done.stderr))
            for record in one.of("soa"):
                self.sport.setdefault(vp, record["flow"]["sport"])
        return {vp: (in_us(one.head["round_at"]), one.records)
                for vp, one in done.items()}

    def truth(self):
        """{vp: (site, hops)} by the flow of each."""
        world = truth.World(self.folder, self.folder.load())
        try:
            rows = {vp: world.row(vp, 4, (17, sport, 53))
                    for vp, sport in self.sport.items() if vp != SILENT}
        finally:
            world.close()
        return {vp: (EVIL if row["site"] == "rogue" else row["site"],
                     tuple(row["hops"])) for vp, row in rows.items()}

    def restore(self):
        """As it was, for the next script."""
        state = self.folder.load()
        if state["hijack"]:
            self.lab.event("unhijack")
        for site in self.codes:
            if state["nodes"][site]["withdrawn"]:
                self.lab.event("announce", site)
            if state["nodes"][site]["prepend"]:
                self.lab.event("prepend", site, "0")
        for link in state["links"]:
            if link["relation"] == "customer" and not link["up"] and \
                    "rogue" not in (link["a"], link["b"]):
                self.lab.event("link-up", link["a"], link["b"])


class Script:
    def __init__(self, world, seed, folder):
        self.world, self.rng = world, random.Random(seed)
        self.folder = folder
        self.clock = START
        self.segments = collections.defaultdict(lambda: [[]])
        self.wanted = []  # (acceptable kinds and sites, vps, to_sites)
        self.windows = []  # of loss: counted afterwards
        self.done = []

    # --- time ---

    def round(self, count=1, without=()):
        for _ in range(count):
            vps = [vp for vp in self.world.vps if vp not in without]
            for vp, (real, records) in self.world.ask(vps).items():
                for record in records:
                    record["t"] = stamp(self.clock + in_us(record["t"]) -
                                        real)
                self.segments[vp][-1].append((self.clock, records))
            self.clock += EVERY

    def pause(self):
        self.clock += BETWEEN
        for held in self.segments.values():
            held.append([])

    # --- acts ---

    def event(self, *words):
        self.world.lab.event(*words)

    def expect(self, before, after):
        """What the tables say happened."""
        movers = {vp for vp in before if before[vp][0] != after[vp][0]}
        others = [vp for vp in before if vp not in movers and
                  before[vp][1] != after[vp][1]]
        old = {before[vp][0] for vp in movers}
        new = {after[vp][0] for vp in movers}
        held = {site for site, _ in before.values()}
        holds = {site for site, _ in after.values()}
        if movers:
            kinds = {("site lost", site) for site in old - holds
                     if len(old) == 1}
            kinds |= {("site gained", site) for site in new - held
                      if len(new) == 1}
            kinds = kinds or {("shift", site) for site in
                              (old if len(old) == 1 else new)}
            to = collections.Counter(after[vp][0] for vp in movers)
            self.wanted.append((kinds, len(movers), ", ".join(
                "%s %d" % one for one in
                sorted(to.items(), key=lambda one: (-one[1], one[0])))))
        if others:
            sites = {before[vp][0] for vp in others}
            self.wanted.append(({("path only", sites.pop()
                                  if len(sites) == 1 else "")},
                                len(others), None))

    def moved(self, *words):
        """An act that moves whom it moves."""
        before = self.world.truth()
        self.event(*words)
        self.expect(before, self.world.truth())
        self.round(3)

    def act(self, kind):
        site = self.rng.choice(sorted(self.world.codes))
        state = self.world.folder.load()
        announced = [s for s in self.world.codes
                     if not state["nodes"][s]["withdrawn"]]
        self.round()
        if kind == "withdraw" and site in announced and len(announced) > 2:
            self.moved("withdraw", site)
        elif kind == "announce":
            gone = sorted(set(self.world.codes) - set(announced))
            if not gone:
                return self.act("withdraw")
            self.moved("announce", self.rng.choice(gone))
        elif kind == "prepend" and site in announced:
            times = 0 if state["nodes"][site]["prepend"] else 3
            self.moved("prepend", site, str(times))
        elif kind == "flap" and site in announced and len(announced) > 1:
            self.flap(site)
        elif kind == "hijack":
            if state["hijack"]:
                self.moved("unhijack")
            else:
                self.moved("hijack", self.world.access[self.rng.choice(
                    self.world.vps)], "--name", EVIL, "--af", "4")
        elif kind == "reroute":
            side = self.rng.choice(("right1", "right2"))
            up = next(link["up"] for link in state["links"]
                      if {link["a"], link["b"]} == {"right", side})
            self.moved("link-down" if up else "link-up", "right", side)
        elif kind == "latency":
            vp = self.rng.choice(self.world.vps)
            self.moved("latency", vp, self.world.access[vp],
                       str(self.rng.randrange(5, 25)))
        elif kind in ("loss", "dark"):
            self.lose(100 if kind == "dark" else 30)
        elif kind == "silence":
            self.round(4, without=self.rng.sample(self.world.vps, 2))
            self.round()
        else:
            return False
        self.done.append(kind)
        self.pause()
        return True

    def flap(self, site):
        code = self.world.codes[site]
        there = [vp for vp, (at, _) in self.world.truth().items()
                 if at == code]
        for _ in range(2):
            self.event("withdraw", site)
            self.round(2)  # or one lost answer would hide a change
            self.event("announce", site)
            self.round(2)
        self.round(2)
        if there:
            self.wanted.append(({("flap", code)}, len(there), None))

    def lose(self, percent):
        vps = self.rng.sample([vp for vp in self.world.vps if vp != SILENT],
                              2)
        begin = self.clock
        for vp in vps:
            self.event("loss", vp, self.world.access[vp], str(percent))
        self.round(4)
        for vp in vps:
            self.event("loss", vp, self.world.access[vp], str(LOSS_PERCENT))
        self.round(2)
        self.windows.append((begin, self.clock))

    # --- what is wanted, and what came ---

    def outages(self):
        """Vantage points with three losses in a row, by the records."""
        for begin, end in self.windows:
            dark = []
            for vp in self.world.vps:
                row = "".join(
                    "." if r["outcome"] == "answered" else "x"
                    for held in self.segments[vp] for t, records in held
                    for r in records if r["question"] == "soa" and
                    r["retry_of"] is None and begin <= t < end)
                if "xxx" in row and vp != SILENT:
                    dark.append(vp)
            sites = {self.site_seen(vp, begin) for vp in dark}
            if dark:
                self.wanted.append(({("outage", sites.pop() if len(
                    sites) == 1 else "")}, len(dark), None))

    def site_seen(self, vp, time_us):
        """What it was told last before a time, as the lab's map reads it."""
        said = [r["nsid"] for held in self.segments[vp] for t, records in held
                for r in records if t < time_us and r["question"] == "soa" and
                r["nsid"]]
        return next((code for code in self.world.codes.values()
                     if code in said[-1]), EVIL)

    def store(self):
        collector = uploads.Collector(folder=self.folder).make()
        for vp, segments in self.segments.items():
            key = uploads.Key(self.folder, vp)
            collector.add_vp(vp, key)
            for number, held in enumerate(s for s in segments if s):
                records = [record for _, one in held for record in one]
                batch = uploads.Batch(key, vp, SPOOL, number + 1, records,
                                      held[0][0])
                path = os.path.join(self.folder, "batch")
                with open(path, "wb") as file:
                    file.write(batch.file)
                said = collector.run("import", path, check=False)
                if ": stored: " not in said.stdout:
                    raise SystemExit(said.stdout + said.stderr)
        collector.run("check", check=False)  # settles
        return collector.db

    def reported(self):
        sitemap = os.path.join(self.folder, "sites")
        with open(sitemap, "w", encoding="ascii") as file:
            file.write(probing.run(probing.LAB, "--dir", self.world.lab.dir,
                                   "sitemap").stdout)
        said = subprocess.run(
            [BUILD + "/acreport", "events", "--db", self.store(), "--format",
             "csv", "--site-map", sitemap, "--since", stamp(START), "--until",
             stamp(self.clock)], capture_output=True, text=True, check=True)
        return list(csv.DictReader(io.StringIO(said.stdout)))


def fits(wanted, row):
    kinds, count, to_sites = wanted
    return (row["kind"], row["site"]) in kinds and \
        row["vantage_points"] == str(count) and \
        to_sites in (None, row["to_sites"])


def match(script):
    """How many were wanted, came, and are right; and what is amiss."""
    script.outages()
    rows = script.reported()
    left, missed = list(rows), []
    for wanted in script.wanted:
        found = next((row for row in left if fits(wanted, row)), None)
        if found is None:
            missed.append(wanted)
        else:
            left.remove(found)
    hijacks = [row for row in rows if EVIL in row["to_sites"]]
    seen = all(f"{EVIL} {row['not_ours']}" in row["to_sites"]
               for row in hijacks)
    return len(script.wanted), len(rows), len(rows) - len(left), \
        [("missed", one) for one in missed] + \
        [("false", {k: v for k, v in row.items() if v}) for row in left] + \
        ([] if seen else [("a hijack that is not told apart", hijacks)]), \
        len(hijacks)


def play(world, number):
    with tempfile.TemporaryDirectory() as folder:
        script = Script(world, SEED * 1000 + number, folder)
        # Every kind has its turn; and one more of each script is drawn.
        kinds = [KINDS[(number * (ACTS - 1) + k) % len(KINDS)]
                 for k in range(ACTS - 1)] + [script.rng.choice(KINDS)]
        for kind in kinds:
            while not script.act(kind):
                kind = script.rng.choice(KINDS)
        counts = match(script)
        world.restore()
    return script, counts


def quiet(world, results):
    with tempfile.TemporaryDirectory() as folder:
        script = Script(world, 0, folder)
        script.round(12)
        rows = script.reported()
        results.ok(rows == [], "nothing happens in a quiet hour", rows)


def test(results):
    prober = probing.Prober()
    totals = [0, 0, 0, 0]
    try:
        with probing.lab("--topology", "ecmp", "--seed", str(SEED)) as lab:
            world = World(lab, prober)
            began = time.monotonic()
            quiet(world, results)
            probing.say("%.0f s" % (time.monotonic() - began))
            for number in range(SCRIPTS):
                began = time.monotonic()
                script, (wanted, came, right, amiss, evil) = play(
                    world, number)
                totals = [a + b for a, b in zip(
                    totals, (wanted, came, right, evil))]
                results.ok(not amiss, "%s: %d events" % (
                    " ".join(script.done), wanted), "\n".join(map(
                        str, amiss)))
                probing.say("%.0f s" % (time.monotonic() - began))
    finally:
        prober.remove()
    wanted, came, right, evil = totals
    probing.say("%d hijacks" % evil)
    results.ok(wanted > 0 and wanted == came == right,
               "of %d events %d are found, of %d reported %d are true: recall "
               "%.3f, precision %.3f" % (
                   wanted, right, came, right, right / max(wanted, 1),
                   right / max(came, 1)))


if __name__ == "__main__":
    sys.exit(probing.main(test))
