#!/usr/bin/env python3
# Proves that events names what was done to a service, when, and to how many, in random scripts over loss and jitter, and nothing else.
"""A script of withdrawals, returns, prepends, flaps, hijacks, outages and
silences moves vantage points; what acreport says is compared with the script.
SEED=n repeats a run."""

import collections
import csv
import io
import os
import random
import subprocess
import sys
import tempfile

from report_oracle import SECOND, START, stamp
from report_oracle_store import Batch, Record, make

B = os.environ.get("B") or "build"
# The same worlds in every run of make check; SEED=$RANDOM draws others.
SEED = int(os.environ.get("SEED") or 1)
MINUTE = 60 * SECOND
EVERY = 5 * MINUTE
SITES = ("ams", "fra", "jnb", "lhr", "nrt")
KINDS = ("withdraw", "return", "prepend", "flap", "hijack", "outage",
         "silence", "twice", "both")


class Script:
    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.vps = [f"vp{n:02}" for n in range(30)]
        self.home = {vp: rng.choice(SITES) for vp in self.vps}
        self.at = {vp: [(0, site)] for vp, site in self.home.items()}
        self.dark = collections.defaultdict(list)
        self.quiet = collections.defaultdict(list)
        self.wanted = []
        self.done = []
        time = START + 60 * MINUTE
        for _ in range(5):
            if self.act(rng.choice(KINDS), time):
                time += rng.randrange(125, 170) * MINUTE
        self.end = time
        self.samples = {}

    def now(self, vp):
        return self.at[vp][-1][1]

    def at_time(self, vp, time):
        return [site for t, site in self.at[vp] if t <= time][-1]

    def move(self, vps, time, where):
        for vp in vps:
            self.at[vp].append((time + self.rng.randrange(90 * SECOND),
                                where(vp)))

    def members(self):
        held = collections.defaultdict(list)
        for vp in self.vps:
            held[self.now(vp)].append(vp)
        return {site: vps for site, vps in held.items() if len(vps) > 1}

    def other(self, site):
        return self.rng.choice(sorted({self.now(vp) for vp in self.vps} -
                                      {site}))

    def lose_two(self, held, time):
        """Two sites lose all at one moment to a third, and one of a fourth
        goes there as well."""
        if len(held) < 4:
            return False
        lost = self.rng.sample(sorted(held), 2)
        goal = self.rng.choice(sorted(set(held) - set(lost)))
        rest = sorted(set(held) - {*lost, goal})
        for site in lost:
            self.wanted.append(("site lost", site, held[site], time))
            self.move(held[site], time, lambda vp: goal)
        for site in rest:
            if len(held[site]) > 2 and self.rng.random() < 0.5:
                self.wanted.append(("shift", site, held[site][:1], time))
                self.move(held[site][:1], time, lambda vp: goal)
                break
        return True

    def gain_two(self, site, vps, time):
        """Two new sites take most of one's, and it keeps some."""
        if len(vps) < 5:
            return False
        for name, some in ((f"new{len(self.done)}", vps[:2]),
                           (f"next{len(self.done)}", vps[2:4])):
            self.wanted.append(("site gained", name, some, time))
            self.move(some, time, lambda vp, name=name: name)
        return True

    def act(self, kind, time):
        held = self.members()
        site = self.rng.choice(sorted(held))
        vps = held[site]
        everywhere = {self.now(vp) for vp in self.vps}
        if kind == "withdraw" and len(everywhere) > 2:
            goal = {vp: self.other(site) for vp in vps}
            self.move(vps, time, goal.get)
            self.wanted.append(("site lost", site, vps, time))
        elif kind == "return":
            gone = sorted({s for s in SITES if s not in everywhere and
                           s in self.home.values()})
            if not gone:
                return False
            site = self.rng.choice(gone)
            vps = [vp for vp in self.vps if self.home[vp] == site]
            others = collections.Counter(self.now(vp) for vp in self.vps)
            others.subtract(collections.Counter(map(self.now, vps)))
            if 0 in others.values():  # they would leave another one empty
                return False
            self.move(vps, time, lambda vp: site)
            self.wanted.append(("site gained", site, vps, time))
        elif kind == "prepend" and len(vps) > 2 and len(everywhere) > 3:
            vps = self.rng.sample(vps, self.rng.randrange(2, len(vps)))
            goal = {vp: self.other(site) for vp in vps}
            if len(set(goal.values())) < 2:
                return False  # as well a shift to the other
            self.move(vps, time, goal.get)
            self.wanted.append(("shift", site, vps, time))
        elif kind == "flap" and len(everywhere) > 1:
            goal = {vp: self.other(site) for vp in vps}
            for turn in range(3):
                self.move(vps, time + turn * 20 * MINUTE, goal.get)
                self.move(vps, time + (turn * 20 + 10) * MINUTE,
                          lambda vp: site)
            self.wanted.append(("flap", site, vps, time))
        elif kind == "hijack":
            name = f"evil{len(self.done)}"
            if len(vps) < 3:
                return False
            vps = self.rng.sample(vps, 2)
            self.move(vps, time, lambda vp: name)
            self.wanted.append(("site gained", name, vps, time))
        elif kind == "outage":
            for vp in vps:
                self.dark[vp].append((time, time + 40 * MINUTE))
            self.wanted.append(("outage", site, vps, time))
        elif kind == "twice":
            if not self.lose_two(held, time):
                return False
        elif kind == "both":
            if not self.gain_two(site, vps, time):
                return False
        elif kind == "silence":
            for vp in self.rng.sample(self.vps, 3):
                self.quiet[vp].append((time, time + 60 * MINUTE))
        else:
            return False
        self.done.append(kind)
        return True

    def batches(self):
        rng, held = self.rng, []
        for vp in self.vps:
            losses = 0
            phase = rng.randrange(EVERY)
            for time in range(START + phase, self.end, EVERY):
                if any(a <= time < b for a, b in self.quiet[vp]):
                    continue
                site = self.at_time(vp, time)
                record = Record(time, "root", "192.0.2.1", "soa")
                dark = any(a <= time < b for a, b in self.dark[vp])
                # Two in a hundred; three in a row would be an outage.
                near = any(a - 2 * EVERY <= time < a
                           for a, _ in self.dark[vp])
                if dark or (rng.random() < 0.02 and losses < 2 and not near):
                    record.outcome = "timeout"
                    losses += not dark
                else:
                    losses = 0
                    record.name = ("nsid", f"s1.{site}".encode())
                    record.rtt_us = 20_000 + rng.randrange(4000)
                held.append(Batch(vp, [record], 300))
        return held

    def first_sight(self, vps, batches, time):
        """Of a place that they were not before."""
        return min(r.t for b in batches for r in b.records
                   if b.vp in vps and r.t >= time and r.name and
                   r.name[1].decode()[3:] != self.at_time(b.vp, time - 1))

    def truth(self, batches):
        rows = []
        for kind, site, vps, time in self.wanted:
            to = collections.Counter()
            if kind in ("site lost", "site gained", "shift"):
                to = collections.Counter(
                    self.at_time(vp, time + 2 * MINUTE) for vp in vps)
            if kind == "outage":
                start = min(r.t for b in batches for r in b.records
                            if b.vp in vps and r.t >= time)
            else:
                start = self.first_sight(vps, batches, time)
            sites = ", ".join(
                f"s1.{name} {count}" for name, count in
                sorted(to.items(), key=lambda one: (-one[1], one[0])))
            rows.append((kind, f"s1.{site}", str(len(vps)), stamp(start),
                         sites))
        return rows


def reported(path, script):
    said = subprocess.run(
        [f"{B}/acreport", "events", "--db", path, "--format", "csv",
         "--since", stamp(START), "--until", stamp(script.end)],
        capture_output=True, check=True)
    return list(csv.DictReader(io.StringIO(said.stdout.decode())))


def key(row):
    simple = row["kind"] in ("site lost", "site gained", "shift")
    return (row["kind"], row["site"], row["vantage_points"], row["start"],
            row["to_sites"] if simple else "")


def main():
    print(f"# SEED={SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    failed = found = wanted_all = got_all = 0
    scripts = int(os.environ.get("SCRIPTS") or 20)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(scripts):
            script = Script(SEED + number)
            batches = script.batches()
            path = f"{folder}/{number}.db"
            make(path, batches, [], number)
            rows = reported(path, script)
            wanted = script.truth(batches)
            got = [key(row) for row in rows]
            right = sum((collections.Counter(wanted) &
                         collections.Counter(got)).values())
            found += right
            wanted_all += len(wanted)
            got_all += len(got)
            passed = right == len(wanted) == len(got)
            failed += not passed
            for row in () if passed else sorted(set(wanted) - set(got)):
                print("# wanted", row)
            for row in () if passed else sorted(set(got) - set(wanted)):
                print("# got   ", row)
            print(f"{'ok' if passed else 'not ok'} {number + 1} - "
                  f"{' '.join(script.done)}: {len(wanted)} events")
    passed = wanted_all > 0 and failed == 0
    print(f"{'ok' if passed else 'not ok'} {scripts + 1} - of {wanted_all} "
          f"events {found} are found, of {got_all} reported {found} are true: "
          f"recall {found / max(wanted_all, 1):.3f}, precision "
          f"{found / max(got_all, 1):.3f}")
    print(f"1..{scripts + 1}")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
