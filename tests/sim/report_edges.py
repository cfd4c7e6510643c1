#!/usr/bin/env python3
# Proves that changes and catchments read from intervals and blocks are those of the raw rows, byte for byte, in random stores and windows.
# time limit: 120 s
"""Each store is read twice: as it is, and without its table of blocks, when
all rows of the window are read. Lanes that are asked once in many hours, that
fall silent, that have many samples in an hour, hours that are not settled, and
windows that begin and end anywhere. SEED and WORLDS choose the stores."""
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import uploads  # noqa: E402
from report_oracle_store import Batch, Record, Store  # noqa: E402

SEED = int(os.environ.get("SEED") or 1)
WORLDS = int(os.environ.get("WORLDS") or 10)
WINDOWS = 6
START = 1_700_000_000
DAYS = 4
NAMES = [("nsid", b"s1.ams"), ("nsid", b"s2.ams"), ("nsid", b"s1.lhr"),
         ("nsid", b"s1.fra"), ("hostname.bind", b"other"), None]


class Lane:
    """What one lane is asked, and where it is answered from."""

    def __init__(self, rng, number):
        self.rng, self.number = rng, number
        self.every = rng.choice((20, 300, 300, 900, 3600, 7200, 40000))
        self.stay = self.every * rng.choice((1, 2, 7, 12, 40, 300))
        self.silent = None
        if rng.random() < 0.3:
            self.silent = sorted(rng.uniform(0, DAYS * 86400)
                                 for _ in range(2))
        self.name, self.until = NAMES[0], 0

    def record(self, at):
        rng = self.rng
        if at >= self.until:
            self.name = rng.choice(NAMES)
            self.until = at + rng.expovariate(1 / self.stay)
        if self.silent and self.silent[0] <= at < self.silent[1]:
            return None
        kind = {"outcome": "timeout"}
        if rng.random() < 0.9:
            kind = {"name": self.name,
                    "rtt_us": rng.choice((None, rng.randint(1, 10**5)))
                    if rng.random() < 0.2 else rng.randint(10**4, 9 * 10**5)}
        t = int((START + at) * 10**6) + rng.randint(0, 10**6)
        return Record(t, f"t{self.number % 2}",
                      "192.0.2.1" if self.number % 3 else "2001:db8::1",
                      "soa", flow=self.number, **kind)

    def records(self):
        at = self.rng.uniform(0, self.every)
        # Twenty seconds are asked for half a day: hours of many samples.
        end = 43200 if self.every == 20 else DAYS * 86400
        while at < end:
            record = self.record(at)
            if record:
                yield record
                # Somebody else in the same microsecond.
                if self.rng.random() < 0.01:
                    twin = self.record(at)
                    twin.t = record.t
                    yield twin
            at += self.every


def batches(rng, vp):
    records = sorted((r for i in range(rng.randint(2, 6))
                      for r in Lane(rng, i).records()), key=lambda r: r.t)
    while records:
        span = rng.choice((600, 1800, 3599)) * 10**6
        count = sum(r.t < records[0].t + span for r in records)
        yield Batch(vp, records[:count], rng.choice((0, 300)))
        del records[:count]


def make(path, rng):
    store = Store(path)
    for i in range(2):
        made = list(batches(rng, f"vp{i}"))
        late = rng.sample(made, rng.choice((0, 0, 1, 3)))
        for batch in made:
            if batch not in late:
                store.add(batch)
    until = None
    if rng.random() < 0.3:
        until = int(START + rng.uniform(0, DAYS * 86400)) * 10**6
    store.settle(until)
    for batch in late:
        store.add(batch)
    store.close()


def report(db, words):
    done = subprocess.run(
        [f"{uploads.BUILD}/acreport", *words, "--db", db, "--format", "csv"],
        capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def time_text(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + at))


def window(rng):
    since = rng.uniform(-3600, DAYS * 86400)
    until = min(since + rng.expovariate(1 / 86400), DAYS * 86400 + 3600)
    if rng.random() < 0.3:
        since -= (START + since) % 3600
    if rng.random() < 0.3:
        until += 3600 - (START + until) % 3600
    return ["--since", time_text(since), "--until", time_text(until + 1),
            "--level", rng.choice(("site", "instance"))]


def reports(rng):
    """Words of the changes in a window and of the catchment at its end."""
    words = window(rng)
    age = rng.choice(([], [], ["--max-age", rng.choice(("1h", "12h", "3d"))]))
    at = words[3]
    if rng.random() < 0.3:  # while there are hours of many samples
        at = time_text(rng.uniform(3600, 43200))
    return (["changes", *words],
            ["catchment", "--at", at, *words[4:], *age])


def differences(words, have, want):
    """What is wrong, for the reader of the test."""
    if have == want and want[0] == 0:
        return []
    return ([f"exits with {have[0]} and {want[0]}", " ".join(words)] +
            [line for line in have[1].split("\n")
             if line not in want[1].split("\n")][:3] +
            [f"instead of {line}" for line in want[1].split("\n")
             if line not in have[1].split("\n")][:3])


def compare(tap, seed, folder):
    """Rows of each report."""
    rng = random.Random(seed)
    path, raw = f"{folder}/{seed}.db", f"{folder}/{seed}-raw.db"
    make(path, rng)
    shutil.copy(path, raw)
    with sqlite3.connect(raw) as db:
        db.execute("DROP TABLE block")
    db.close()
    rows, wrong = [0, 0], []
    for _ in range(WINDOWS):
        for i, words in enumerate(reports(rng)):
            have, want = report(path, words), report(raw, words)
            rows[i] += want[1].count("\n") - 1
            wrong += differences(words, have, want)
    tap.check(not wrong, f"store {seed}: changes and catchments of {WINDOWS} "
              "windows are those of the raw rows", *wrong)
    return rows


def check_stale(tap, folder):
    """A lane that is asked on few days, whose interval goes on past the cut;
    what came late lies in it, at another site. The last sight before that is
    in hours that are not held, or in one that is."""
    day = START - START % 86400
    late_at, back_at = 38 * 3600 + 700, 40 * 3600
    wrong = []
    for seen in ((100, 7300), (100, 7300, 15 * 3600 + 1300),
                 (100, 15 * 3600 + 1300, 15 * 3600 + 1900)):
        path, raw = f"{folder}/stale.db", f"{folder}/stale-raw.db"
        store = Store(path)

        def record(at, name, flow=1):
            return Record((day + at) * 10**6 + 5, "t", "192.0.2.1", "soa",
                          flow=flow, name=("nsid", name), rtt_us=2000 + at)

        for hour in range(44):  # another lane, so that all hours are held
            records = [record(hour * 3600 + 1, b"a", 0)] + [
                record(at, b"a") for at in (*seen, back_at)
                if at // 3600 == hour]
            store.add(Batch("vp0", sorted(records, key=lambda r: r.t), 300))
        store.settle(None)
        store.add(Batch("vp0", [record(late_at, b"b")], 300))
        store.close()
        shutil.copy(path, raw)
        with sqlite3.connect(raw) as db:
            db.execute("DROP TABLE block")
        db.close()
        words = ["changes", "--since", time_text(day - START + 20 * 3600), "--until",
                 time_text(day - START + 44 * 3600)]
        have, want = report(path, words), report(raw, words)
        gaps = [line.rsplit(",", 1)[1] for line in have[1].split("\n")[1:-1]]
        if have != want or gaps != [f"{late_at - seen[-1]}.000",
                                    f"{back_at - late_at}.000"]:
            wrong.append((seen, have, want))
        os.unlink(path)
        os.unlink(raw)
    tap.check(not wrong, "what came late within an interval is uncertain by "
              "the last sight before it, however long ago", *wrong[:2])


def check_begin(tap, folder):
    """An hour of which the window cuts off a part in which nothing was asked.
    In the other flow the last answer has no name and a loss is beside it."""
    day = START - START % 86400
    path, raw = f"{folder}/begin.db", f"{folder}/begin-raw.db"
    store = Store(path)

    def record(at, flow=0, **kind):
        kind = kind or {"name": ("nsid", b"a"), "rtt_us": 2000 + at % 1000}
        return Record((day + at) * 10**6 + 5, "t", "192.0.2.1", "soa",
                      flow=flow, **kind)

    for first in (-1800, 1800, 86400):
        records = [record(first + 60 * i, flow) for i in range(5)
                   for flow in (0, 1)]
        if first == 86400:
            records += [record(86900, 1, outcome="timeout"),
                        record(86900, 1, name=None, rtt_us=3000)]
        store.add(Batch("vp0", records, 300))
    store.settle(None)
    store.close()
    shutil.copy(path, raw)
    with sqlite3.connect(raw) as db:
        db.execute("DROP TABLE block")
    db.close()
    words = ["catchment", "--at", time_text(day - START + 86400 + 600)]
    have, want = report(path, words), report(raw, words)
    rows = [line.split(",") for line in have[1].split("\n")[1:-1]]
    tap.check(have == want and [(r[11], r[14]) for r in rows] ==
              [("known", "10"), ("no_answer", "0")],
              "what is asked behind the begin of the window is in it, and a "
              "loss beside an answer without a name comes last", have, want)


def main():
    tap = uploads.Tap()
    folder = tempfile.mkdtemp(prefix=f"edges-{os.getpid()}-")
    try:
        rows = [compare(tap, seed, folder)
                for seed in range(SEED, SEED + WORLDS)]
        check_stale(tap, folder)
        check_begin(tap, folder)
        changes, rows = map(sum, zip(*rows))
        tap.check(changes > 20 * WORLDS and rows > 10 * WORLDS,
                  f"{changes} changes and {rows} rows of catchments were "
                  "compared")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
