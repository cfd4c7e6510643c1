#!/usr/bin/env python3
# Proves against a ledger of its own that retention by age and by size, by hand and by the server's clock, leaves of records, replies, paths, runs, intervals and names exactly what the limits say.
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import clocks  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SPOOL = "0e" * 16
HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US
TABLES = {"replies": ("answer_bytes",), "paths": ("trace", "path"),
          "raw": ("measurement",), "runs": ("run",),
          "intervals": ("interval",)}


def now_hour():
    return time.time_ns() // 1000 // HOUR_US * HOUR_US


def trace(t_us, i):
    """A trace over a path that no other has."""
    row = uploads.record(t_us)
    row = {key: row[key] for key in list(row)[:list(row).index("retry_of") + 1]}
    return row | {"type": "trace", "question": "trace", "port": None,
                  "proto": "icmp", "reply_ttl": 50, "target": "traced",
                  "flow": {"n": 0, "src": None, "icmp_id": 7, "cksum": 9,
                           "label": None},
                  "hops": [{"ttl": n, "addr": f"198.51.{i // 200}.{i % 200}",
                            "rtt_us": 900, "icmp": "11/0", "quoted_ttl": 1,
                            "mpls": None, "auth_bits": 16}
                           for n in range(1, 16)]}


class Ledger:
    """What was sent: (time, target, site, has a reply), and by batch (first,
    last)."""

    def __init__(self):
        self.rows, self.batches = [], []

    def intervals(self):
        """Maximal stretches of one site in a target, by walking."""
        found = {}
        for t, target, site, *_ in sorted(self.rows):
            stretches = found.setdefault(target, [])
            if not stretches or stretches[-1][2] != site:
                stretches.append([t, t, site])
            stretches[-1][1] = t
        return found


class Test:
    def __init__(self, collector, rng):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        self.rng = rng
        self.ledger = Ledger()
        self.start_hour = now_hour()
        key = Key(collector.folder, "lon1")
        collector.add_vp("lon1", key)
        self.fill(key)

    def day(self, day):
        """Some batches' records; a target that is gone since day 45."""
        targets = ["a", "b", "c"] + (["gone"] if day > 45 else [])
        for hour in sorted(self.rng.sample(range(20), 3)):
            t0 = self.start_hour - day * DAY_US + hour * HOUR_US + \
                self.rng.randrange(HOUR_US // 2)
            rows = []
            for i in range(30):
                t = t0 + i * self.rng.randrange(10**6, 50 * 10**6)
                target = self.rng.choice(targets)
                site = f"{target}{day // self.rng.choice((7, 9))}"
                reply = self.rng.random() < 0.5
                self.ledger.rows.append((t, target, site, reply))
                rows.append(uploads.record(
                    t, site, target=target, serial=day,
                    raw="5a" * self.rng.randrange(100, 400) if reply
                    else None))
            for i in range(1, 5):
                t = t0 + i * 60 * 10**6
                rows.append(trace(t, len(self.ledger.rows)))
                self.ledger.rows.append((t, "traced", "", False))
            times = [row[0] for row in self.ledger.rows[-34:]]
            self.ledger.batches.append((min(times), max(times)))
            yield t0, rows

    def fill(self, key):
        number, paths = 0, []
        for day in range(60, 0, -1):
            for t0, rows in self.day(day):
                number += 1
                paths.append(os.path.join(self.collector.folder, f"b{number}"))
                with open(paths[-1], "wb") as file:
                    file.write(Batch(key, "lon1", SPOOL, number, rows,
                                     t0).file)
        self.collector.run("import", *paths)
        self.collector.run("check")
        subprocess.run(["cp", "-a", self.collector.db,
                        self.collector.db + ".full"], check=True)

    def again(self):
        """The database as it was filled."""
        for end in ("-wal", "-shm"):
            if os.path.exists(self.collector.db + end):
                os.remove(self.collector.db + end)
        subprocess.run(["cp", "-a", self.collector.db + ".full",
                        self.collector.db], check=True)

    def ask(self, sql):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.collector.db}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchall()

    def one(self, sql):
        return self.ask(sql)[0][0]

    def bytes_of(self, kind):
        names = ", ".join(f"'{name}'" for name in TABLES[kind])
        return self.one(
            "SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM "
            f"sqlite_schema WHERE tbl_name IN ({names}))")

    def prune(self, *words):
        return self.collector.run("prune", *map(str, words))

    def check(self, sentence):
        done = self.collector.run("check", check=False)
        self.tap.check(done.returncode == 0, sentence, done.stdout,
                       done.stderr)

    # --- what should be there ---

    def kept_batches(self, cut):
        return [batch for batch in self.ledger.batches if batch[1] >= cut]

    def records_kept(self, cut, wanted=lambda row: True):
        """Of the ledger: those of batches whose last is not too old."""
        kept = self.kept_batches(cut)
        return sorted(row[0] for row in self.ledger.rows if wanted(row) and
                      any(a <= row[0] <= z for a, z in kept))

    def times(self, table):
        join = "" if table == "measurement" else \
            f" JOIN {table} AS x ON x.measurement = m.id"
        return sorted(t for t, in self.ask(
            "SELECT b.t0 + m.dt_us FROM batch AS b JOIN measurement AS m ON "
            "m.id BETWEEN b.first_row AND b.first_row + b.rows - 1" + join))

    def lanes(self):
        return dict(self.ask("SELECT target, id FROM lane"))

    def intervals_kept(self, cut):
        return sorted((target, first, last, site) for target, stretches in
                      self.ledger.intervals().items()
                      for first, last, site in stretches if last >= cut)

    def intervals(self):
        return sorted(self.ask(
            "SELECT l.target, i.first, i.last, n.text FROM interval AS i "
            "JOIN lane AS l ON l.id = i.lane "
            "JOIN instance AS n ON n.id = i.instance"))

    def hours_of_runs(self):
        return set(self.ask("SELECT l.target, r.hour FROM run AS r "
                            "JOIN lane AS l ON l.id = r.lane"))

    def runs_kept(self, cut, interval_cut):
        """(target, hour): not too old; and of a lane with an interval the
        last of those that are."""
        hours = {(row[1], row[0] // HOUR_US) for row in self.ledger.rows}
        kept = {(target, hour) for target, hour in hours
                if hour * HOUR_US >= cut}
        for target in {row[0] for row in self.intervals_kept(interval_cut)}:
            old = [hour for name, hour in hours if name == target and
                   hour * HOUR_US < cut]
            if old:
                kept.add((target, max(old)))
        return kept

    def unused(self):
        return {table: self.one(f"SELECT count(*) FROM {table} WHERE id NOT "
                                f"IN ({used})")
                for table, used in (
                    ("detail", "SELECT detail FROM measurement UNION SELECT "
                     "reply FROM measurement WHERE reply IS NOT NULL"),
                    ("path", "SELECT path FROM trace"),
                    ("instance", "SELECT 1 UNION SELECT instance FROM "
                     "measurement WHERE instance IS NOT NULL UNION SELECT "
                     "instance FROM run UNION SELECT instance FROM interval"),
                    ("lane", "SELECT lane FROM measurement UNION SELECT lane "
                     "FROM run UNION SELECT lane FROM interval"))}

    # --- what it does ---

    def is_as_told(self, days):
        """By age: the five kinds, against the ledger."""
        cut = {kind: now_hour() - n * DAY_US for kind, n in days.items()}
        replies = max(cut["raw"], cut["replies"])
        paths = max(cut["raw"], cut["paths"])
        return {
            "raw": self.times("measurement") == self.records_kept(cut["raw"]),
            "replies": self.times("answer_bytes") == self.records_kept(
                replies, lambda row: row[3]),
            "paths": self.times("trace") == self.records_kept(
                paths, lambda row: row[1] == "traced"),
            "runs": self.hours_of_runs() == self.runs_kept(
                cut["runs"], cut["intervals"]),
            "intervals": self.intervals() == self.intervals_kept(
                cut["intervals"]),
            "names": not any(self.unused().values()),
        }

    def by_age(self):
        for i in range(3):
            days = dict(zip(
                ("raw", "runs", "intervals"),
                sorted(self.rng.sample(range(2, 58), 3)))) | {
                    "replies": self.rng.randrange(1, 59),
                    "paths": self.rng.randrange(1, 59)}
            if i == 2:  # beyond the last of the lane that is gone
                days["intervals"] = 40
                days["raw"], days["runs"] = 10, 30
            self.again()
            names = self.one("SELECT count(*) FROM detail")
            done = self.prune(*(word for kind, n in days.items()
                                for word in (f"--{kind}", n)))
            right = self.is_as_told(days)
            self.tap.check(all(right.values()) and
                           self.one("SELECT count(*) FROM detail") < names,
                           "by age each kind is what the ledger says",
                           days, right, done.stdout, self.unused())
            self.check("and the store checks")
        self.tap.check(
            "gone" not in self.lanes() and
            not self.one("SELECT count(*) FROM instance WHERE text GLOB "
                         "'gone*'") and "a" in self.lanes(),
            "a lane without an interval goes, and its names", self.lanes())
        done = subprocess.run(
            [os.path.join(uploads.BUILD, "acreport"), "changes", "--db",
             self.collector.db, "--since",
             uploads.utc(self.start_hour - 50 * DAY_US)],
            capture_output=True, text=True, check=False)
        self.tap.check(done.returncode == 0 and "changes before" in
                       done.stderr, "acreport says that changes are missing",
                       done)

    def oldest(self, kind):
        """The hour of the oldest of a kind that is there."""
        return self.one({
            "replies": "SELECT min(b.t1) FROM batch AS b JOIN answer_bytes AS "
            "x ON x.measurement BETWEEN b.first_row AND b.first_row+b.rows-1",
            "paths": "SELECT min(b.t1) FROM batch AS b JOIN trace AS x ON "
            "x.measurement BETWEEN b.first_row AND b.first_row + b.rows - 1",
            "raw": "SELECT min(b.t1) FROM batch AS b JOIN measurement AS x ON "
            "x.id BETWEEN b.first_row AND b.first_row + b.rows - 1",
        }[kind]) // HOUR_US * HOUR_US

    def by_size(self):
        wanted = {"replies": ("answer_bytes", lambda row: row[3]),
                  "paths": ("trace", lambda row: row[1] == "traced"),
                  "raw": ("measurement", lambda row: True)}
        for kind, (table, has) in wanted.items():
            self.again()
            full = self.bytes_of(kind)
            limit = full // 2
            done = self.prune(f"--{kind}-bytes", limit)
            left, cut = self.bytes_of(kind), self.oldest(kind)
            self.tap.check(
                left <= limit and left > limit * 8 // 10 - 8192 and
                self.times(table) == self.records_kept(cut, has),
                f"{kind} by size: as much as fits, the newest",
                full, limit, left, done.stdout)
            self.check("and the store checks")
        self.again()
        limit = self.bytes_of("runs") // 2
        self.prune("--raw", 20, "--runs-bytes", limit)
        hours = self.hours_of_runs()
        cuts = [hour * HOUR_US for _, hour in hours
                if hour * HOUR_US <= now_hour() - 20 * DAY_US]
        self.tap.check(
            limit * 7 // 10 - 8192 < self.bytes_of("runs") <= limit and
            any(hours == self.runs_kept(cut, 0) for cut in cuts),
            "runs by size: as much as fits", limit, self.bytes_of("runs"))
        self.again()
        self.prune("--raw", 20, "--runs-bytes", 1)
        self.tap.check(
            self.hours_of_runs() == self.runs_kept(
                now_hour() - 20 * DAY_US, 0),
            "but never one whose records are there", self.bytes_of("runs"))
        self.check("and the store checks")
        self.again()
        self.prune("--raw", 5, "--runs", 5, "--intervals-bytes", 4096)
        cut = now_hour() - 5 * DAY_US
        self.tap.check(
            set(self.intervals_kept(cut)) <= set(self.intervals()) and
            len(self.intervals()) < len(self.intervals_kept(0)) and
            self.bytes_of("intervals") <= 4096,
            "intervals by size: none that reaches the runs",
            len(self.intervals()), self.bytes_of("intervals"))
        self.check("and the store checks")

    # --- in the server ---

    def wait(self, condition, seconds=40):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    return True
            except sqlite3.OperationalError:
                pass
            time.sleep(0.2)
        return False

    def serve(self):
        self.again()
        folder = self.collector.folder
        days = {"replies": 10, "paths": 20, "raw": 30, "runs": 35,
                "intervals": 50}
        with open(self.collector.conf, "a", encoding="ascii") as file:
            for kind, n in days.items():
                file.write(f"keep_{kind}_days = {n}\n")
        shift = clocks.Shift(folder)
        started = self.collector.start(*shift.words())
        self.tap.check(
            started and self.wait(lambda: all(self.is_as_told(days).values())),
            "a server that starts does as much by itself",
            self.is_as_told(days), self.collector.log())
        pages = self.one("SELECT page_count FROM pragma_page_count")
        # An oldest batch with replies, and the hour at which they go.
        oldest = min(last for _, last in
                     self.kept_batches(now_hour() - 10 * DAY_US))
        hours = (oldest - (now_hour() - 10 * DAY_US)) // HOUR_US + 1
        left = len(self.times("answer_bytes"))
        shift.set(hours * 3600)
        cut = now_hour() + hours * HOUR_US - 10 * DAY_US
        wanted = self.records_kept(cut, lambda row: row[3])
        self.tap.check(
            self.wait(lambda: self.times("answer_bytes") == wanted) and
            0 < len(wanted) < left,
            "and again when an hour begins", left, len(wanted),
            len(self.times("answer_bytes")), self.collector.log())
        shift.set(20 * 86400)
        cut = now_hour() + 20 * DAY_US
        self.tap.check(
            self.wait(lambda: self.times("measurement") == self.records_kept(
                cut - 30 * DAY_US) and self.intervals() ==
                self.intervals_kept(cut - 50 * DAY_US) and
                not any(self.unused().values())),
            "and after a day names and intervals too", self.unused(),
            self.collector.log())
        self.collector.stop()
        self.tap.check(
            self.one("SELECT page_count FROM pragma_page_count") < pages and
            not self.one("PRAGMA freelist_count"),
            "and the space is given back")
        self.check("and the store checks")

    def usage(self):
        bad = [("--intervals", 5), ("--runs-bytes", 5), ("--raw-bytes", 0),
               ("--raw", 6, "--runs", 5), ("--replies-bytes", "1G"),
               ("--raw", 1, "--runs", 9, "--intervals", 8)]
        done = [self.collector.run("prune", *map(str, words), check=False)
                for words in bad]
        self.tap.check(all(d.returncode == 2 and len(d.stderr.splitlines()) == 1
                           for d in done), "limits that cannot be are refused",
                       *done)
        with open(self.collector.conf, "r+", encoding="ascii") as file:
            before = len(file.read())
            file.write("keep_runs_days = 2\n")
            file.flush()
            done = self.collector.run("serve", check=False)
            file.truncate(before)
        self.tap.check(done.returncode == 2, "by a server too", done)


def main():
    seed = int(os.environ.get("SEED", "20261123"))
    print(f"# seed {seed}")
    clocks.keep_to_the_hour(100)  # limits are of whole hours
    collector = uploads.Collector()
    try:
        test = Test(collector, random.Random(seed))
        test.usage()
        test.by_age()
        test.by_size()
        test.serve()
        return test.tap.done()
    finally:
        collector.remove()


if __name__ == "__main__":
    sys.exit(main())
