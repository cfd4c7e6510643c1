#!/usr/bin/env python3
# Proves that reports of a time whose records were pruned say so and give from runs what they gave before: counts, sites, changes and states as they were, round trips within a bucket.
import csv
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US
EVERY_S = 1200
NOW_US = time.time_ns() // 1000 // HOUR_US * HOUR_US + HOUR_US // 2
DAYS = 8
KEPT = 4  # days of raw rows that are left
SEED = int(os.environ.get("SEED", "5"))
VPS = ("ams-a", "fra-b", "lon-c")


class World:
    """Who answers whom: instances that change by the day and flap at times,
    losses, questions that were never sent."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.at = {vp: f"site{i}" for i, vp in enumerate(VPS)}

    def batch(self, vp, t_us):
        r = self.random
        if r.random() < 0.02:
            self.at[vp] = f"site{r.randrange(4)}"
        records = []
        for i, target in enumerate(("a.example", "b.example")):
            for flow in range(2):
                site = self.at[vp] if r.random() > 0.03 else "site9"
                t = t_us + (i * 2 + flow) * 50000 + r.randrange(40000)
                row = uploads.record(
                    t, f"{site}-{r.randrange(2)}", target=target,
                    addr=f"192.0.2.{i + 1}",
                    rtt_us=int(r.lognormvariate(10, 0.6)))
                row["flow"] = row["flow"] | {"n": flow, "sport": 4000 + flow}
                luck = r.random()
                if luck < 0.05:
                    row |= {"outcome": "timeout" if luck < 0.04 else "unsent",
                            "reason": None if luck < 0.04 else "no route",
                            "rtt_us": None, "stamp": None, "rcode": None,
                            "reply_ttl": None, "answer": [], "size": None,
                            "tc": None, "aa": None}
                records.append(row)
        return records


class Test:
    def __init__(self, tap, collector):
        self.tap, self.collector = tap, collector.make()
        self.report_program = os.path.join(
            os.path.dirname(collector.program), "acreport")

    def fill(self):
        world, paths = World(SEED), []
        for vp in VPS:
            key = Key(self.collector.folder, vp)
            self.collector.add_vp(vp, key, region=f"r{vp[0]}", lat="50",
                                  lon="8")
            number, t_us = 0, NOW_US - DAYS * DAY_US
            while t_us < NOW_US:
                number += 1
                rows = world.batch(vp, t_us)
                t_us += EVERY_S * 10**6
                body = uploads.zstd_raw("".join(
                    json.dumps(line) + "\n" for line in
                    [uploads.head(t_us - EVERY_S * 10**6, len(rows),
                                  every_s=EVERY_S), *rows]).encode())
                path = os.path.join(self.collector.folder, f"{vp}{number}")
                batch = Batch(key, vp, "0e" * 16, number, rows, body=body)
                with open(path, "wb") as file:
                    file.write(batch.file)
                paths.append(path)
        done = self.collector.run("import", *paths)
        assert done.stdout.count(": stored: ") == len(paths), done
        self.collector.run("check")

    def report(self, *words):
        """(rows as dictionaries, what was said)"""
        done = subprocess.run(
            [self.report_program, *words, "--db", self.collector.db,
             "--format", "csv"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        return list(csv.DictReader(io.StringIO(done.stdout))), done.stderr

    def windows(self):
        """Pruned, across the horizon, and whole."""
        horizon = NOW_US // HOUR_US * HOUR_US - KEPT * DAY_US
        for name, since, until in (
                ("pruned", horizon - 3 * DAY_US - 17 * 10**6, horizon - DAY_US),
                ("across", horizon - 2 * DAY_US, horizon + 2 * DAY_US),
                ("kept", horizon + DAY_US, NOW_US // HOUR_US * HOUR_US)):
            yield name, ("--since", uploads.utc(since), "--until",
                         uploads.utc(until))

    def all_reports(self):
        said = {}
        for name, window in self.windows():
            for words in (("latency",), ("latency", "--by", "vp"),
                          ("latency", "--by", "site"),
                          ("latency", "--per", "vp"),
                          ("latency", "--by", "region", "--step", "1d"),
                          ("changes",), ("changes", "--level", "instance"),
                          ("availability",), ("stability",), ("vps",)):
                said[(*words, name)] = self.report(*words, *window)
            for words in (("catchment",), ("catchment", "--by", "region")):
                said[(*words, name)] = self.report(*words, "--at", window[3])
        return said

    def compare(self, words, before, after):
        """What differs more than it may."""
        if len(before) != len(after):
            return f"{len(before)} rows, then {len(after)}"
        for old, new in zip(before, after):
            for column, value in old.items():
                if not self.same(words, column, value, new[column]):
                    return f"{column}: {value}, then {new[column]}: {old}"
        return None

    def same(self, words, column, a, b):
        if a == b:
            return True
        if "" in (a, b):
            return False
        # A loss is a site's where the answers around it agree: runs say how
        # many there were in an hour, not between which answers.
        if words[:3] == ("latency", "--by", "site"):
            if column in ("samples", "unsent"):
                return abs(int(a) - int(b)) <= 4 + int(a) // 50
            if column == "loss_pct":
                return abs(float(a) - float(b)) <= 3
        if column.endswith("_ms"):
            # Of a change, the median of a few: they stand for their run.
            if words[0] == "changes":
                return True
            return abs(float(a) - float(b)) <= 0.011 * float(a) + 0.001
        return False

    def run(self):
        self.fill()
        before = self.all_reports()
        self.tap.check(not any(said for _, said in before.values()),
                       "nothing is said of a whole store")
        self.collector.run("prune", "--raw", str(KEPT))
        with sqlite3.connect(f"file:{self.collector.db}?mode=ro",
                             uri=True) as db:
            gone = db.execute("SELECT count(*), sum(pruned & 4 <> 0) FROM "
                              "batch").fetchone()
        self.tap.check(gone[0] * 0.4 < gone[1] < gone[0] * 0.6,
                       "half of the batches have lost their records", gone)
        after = self.all_reports()
        for words, (rows, _) in before.items():
            # A catchment is of a time, which is kept.
            whole = words[-1] == "kept" or (words[0], words[-1]) == (
                "catchment", "across")
            fault = self.compare(words, rows, after[words][0])
            told = "stands on runs" in after[words][1]
            self.tap.check(
                fault is None and rows and
                told == (not whole),
                f"{' '.join(words)}: as before, and "
                f"{'has no need to say' if whole else 'says'} where it stands", fault, after[words][1])
        rows, said = self.report("records", *list(self.windows())[0][1])
        self.tap.check(not rows and "missing here" in said,
                       "records has none, and says so", said)


def main():
    tap = uploads.Tap()
    tap.note(f"seed {SEED}")
    collector = uploads.Collector()
    try:
        Test(tap, collector).run()
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
