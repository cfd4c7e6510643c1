#!/usr/bin/env python3
# Proves that accollect prune takes what is older than its limit and nothing younger, gives the space back, and leaves a store that checks, takes late batches and never uses an id twice.
import os
import re
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SPOOL = "0e" * 16
HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US
NOW_US = time.time_ns() // 1000 // HOUR_US * HOUR_US + HOUR_US // 2
ROWS = 40
BUILD = uploads.BUILD


def trace(t_us, number, net="198.51.100"):
    """A trace over hops that no other batch has."""
    hop = {"ttl": 1, "addr": f"{net}.{number % 200}", "rtt_us": 900,
           "icmp": "11/0", "quoted_ttl": 1, "mpls": None, "auth_bits": 16}
    row = uploads.record(t_us)
    row = {key: row[key] for key in list(row)[:list(row).index("retry_of") + 1]}
    return row | {"type": "trace", "question": "trace", "port": None,
                  "proto": "icmp", "outcome": "answered", "reply_ttl": 50,
                  "flow": {"n": 0, "src": None, "icmp_id": 7, "cksum": 9,
                           "label": None}, "hops": [hop]}


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        self.key = Key(collector.folder, "lon1")
        collector.add_vp("lon1", self.key)
        self.number = 0

    def records(self, t_us, site):
        return [uploads.record(t_us + i * 1000000, site, raw="00ff" * 20,
                               target=f"target{i % 4}")
                for i in range(ROWS)]

    def write(self, t_us, site, number=None, extra=()):
        """A batch file; its path."""
        self.number = number or self.number + 1
        batch = Batch(self.key, "lon1", SPOOL, self.number,
                      [*self.records(t_us, site), *extra], t_us)
        path = os.path.join(self.collector.folder, f"batch{self.number}")
        with open(path, "wb") as file:
            file.write(batch.file)
        return path

    def bring(self, t_us, site, number=None):
        path = self.write(t_us, site, number)
        done = self.collector.run("import", path, check=False)
        return done.stdout.split(": ", 1)[1].split(":")[0]

    def ask(self, sql):
        with sqlite3.connect(f"file:{self.collector.db}?mode=ro",
                             uri=True) as db:
            return db.execute(sql).fetchall()

    def one(self, sql):
        return self.ask(sql)[0][0]

    def prune(self, *words, code=0):
        done = self.collector.run("prune", *words, check=False)
        if done.returncode != code:
            raise AssertionError(f"prune {words}: {done}")
        return [int(n) for n in re.findall(r": (\d+)", done.stdout)]

    def check(self, sentence):
        done = self.collector.run("check", check=False)
        self.tap.check(done.returncode == 0, sentence, done.stdout,
                       done.stderr)

    def fill(self):
        """Sixty days, four batches a day, the site changing every ten."""
        paths = []
        for day in range(60, 0, -1):
            for quarter in range(4):
                t_us = NOW_US - day * DAY_US + quarter * 6 * HOUR_US
                paths.append(self.write(
                    t_us, f"ams{day // 10}",
                    extra=[trace(t_us + 500, self.number)]))
        self.collector.run("import", *paths)

    def intervals(self):
        return self.ask("SELECT lane, first, tie, last, instance FROM interval"
                        " ORDER BY 1, 2, 3")

    def by_kind(self):
        cut = {days: NOW_US // HOUR_US * HOUR_US - days * DAY_US
               for days in (10, 20, 30, 40)}
        self.before = self.intervals()
        runs = self.one("SELECT count(*) FROM run")
        size = self.one("SELECT page_count FROM pragma_page_count")
        done = self.prune("--replies", "10", "--paths", "20", "--raw", "30",
                          "--runs", "40")
        older = {days: self.one(f"SELECT count(*) FROM batch WHERE t1 < {us}")
                 for days, us in cut.items()}
        self.tap.check(done[0] == older[30] and done[1] ==
                       older[10] - older[30] and
                       done[2] == older[20] - older[30],
                       "it says how many batches lost what", done, older)
        for table, column, days in (("measurement", "id", 30),
                                    ("trace", "measurement", 20),
                                    ("answer_bytes", "measurement", 10)):
            wrong = self.one(
                f"SELECT count(*) FROM batch AS b WHERE (t1 >= {cut[days]}) <>"
                f" EXISTS (SELECT 1 FROM {table} WHERE {column} BETWEEN"
                " b.first_row AND b.first_row + b.rows - 1)")
            self.tap.check(wrong == 0, f"{table}: nothing older than {days} "
                           "days is left, nothing younger is gone", wrong)
        paths = self.ask("SELECT (SELECT count(*) FROM path),"
                         " (SELECT count(DISTINCT path) FROM trace)")[0]
        self.tap.check(paths[0] == paths[1], "only paths of a trace are left",
                       paths)
        left = self.one("SELECT count(*) FROM run")
        self.tap.check(
            left == runs - done[3] and 0 < done[3] and not self.one(
                "SELECT count(*) FROM run AS r WHERE hour < "
                f"{cut[40] // HOUR_US} AND hour < (SELECT max(hour) FROM run "
                f"WHERE lane = r.lane AND tie >= 0 AND hour < "
                f"{cut[40] // HOUR_US})"),
            "of older runs only the last of each lane is left", done, left)
        pages = self.one("SELECT page_count FROM pragma_page_count")
        self.tap.check(
            pages < size * 7 // 10 and done[4] > 0 and
            not self.one("PRAGMA freelist_count") and
            os.path.getsize(self.collector.db) == pages * 4096,
            "the space is given back", size, pages, done)
        self.tap.check(self.intervals() == self.before,
                       "every interval stays")
        self.check("the store checks")
        self.tap.check(self.prune("--replies", "10", "--paths", "20", "--raw",
                                  "30", "--runs", "40") == [0] * 7,
                       "a second time there is nothing to do")

    def afterwards(self):
        taken = self.one("SELECT max(first_row + rows - 1) FROM batch")
        cut = NOW_US // HOUR_US * HOUR_US - 30 * DAY_US
        self.bring(cut - 5 * DAY_US, "late1")
        self.tap.check(self.ask("SELECT too_late, rows FROM batch ORDER BY id"
                                " DESC LIMIT 1") == [(1, 0)] and
                       self.intervals() == self.before,
                       "a batch from behind the horizon amends nothing")
        self.tap.check(self.bring(NOW_US - 60 * DAY_US, "ams6", number=1)
                       == "conflict", "a number that was pruned is known")
        self.number = 300
        said = [self.bring(cut + hours * HOUR_US, f"new{hours}")
                for hours in (0, 1, 3, 100)]
        self.tap.check(said == ["stored"] * 4, "late ones within it are taken")
        self.check("and stitched to what is left")
        self.prune("--raw", "1")
        self.tap.check(self.one("SELECT count(*) FROM measurement") == 0 or
                       self.one("SELECT min(b.t1) FROM batch AS b JOIN "
                                "measurement AS m ON m.id = b.first_row") >=
                       NOW_US // HOUR_US * HOUR_US - DAY_US,
                       "less is kept the next time")
        self.bring(NOW_US, "ams0")
        self.tap.check(self.one("SELECT first_row FROM batch ORDER BY id DESC "
                                "LIMIT 1") > taken + 4 * ROWS and
                       self.one("SELECT count(*) FROM v_record WHERE number ="
                                " 304 OR number = 1") == 0,
                       "an id is not used twice")
        self.check("it still checks")

    def beside_server(self):
        """The server remembers the id of a path that another process takes
        out: it must not use it again."""
        started = self.collector.start()
        said = []
        for number, days in ((401, 25), (402, 0)):
            t_us = NOW_US - days * DAY_US - HOUR_US
            batch = Batch(self.key, "lon1", SPOOL, number,
                          [trace(t_us, 1, "203.0.113")], t_us)
            said.append(self.collector.upload(batch)[0] if started else None)
            self.prune("--paths", "20")
        left = self.ask("SELECT number, hops FROM v_record WHERE number = 402")
        self.tap.check(said == [201, 201] and len(left) == 1 and
                       "203.0.113.1" in (left[0][1] or ""),
                       "a running server forgets what was taken out",
                       said, left)
        self.collector.stop()
        self.check("and its store checks")
        self.before = self.intervals()

    def damage(self):
        """What the checks above rest on."""
        with sqlite3.connect(self.collector.db) as db:
            db.execute("DELETE FROM measurement WHERE id = "
                       "(SELECT max(id) FROM measurement)")
            db.execute("UPDATE batch SET pruned = 0 WHERE number = 5")
        done = self.collector.run("check", check=False)
        self.tap.check(done.returncode == 1 and
                       done.stdout.count("not ok") >= 2,
                       "check finds rows that are gone without leave", done)

    def reports(self):
        program = os.path.join(os.path.dirname(self.collector.program),
                               "acreport")
        for report in ("latency", "catchment", "changes", "records"):
            when = uploads.utc(NOW_US - 45 * DAY_US)
            window = (("--at", when) if report == "catchment" else
                      ("--since", uploads.utc(NOW_US - 55 * DAY_US),
                       "--until", when))
            done = subprocess.run(
                [program, report, "--db", self.collector.db, *window,
                 "--format", "csv"], capture_output=True, text=True,
                check=False)
            self.tap.check(done.returncode == 0 and done.stdout != "" and
                           "were pruned" in done.stderr and
                           ("runs before" in done.stderr) ==
                           (report != "records"),
                           f"acreport {report} of pruned time says so", done)
        done = subprocess.run(
            [program, "latency", "--db", self.collector.db, "--since",
             uploads.utc(NOW_US - 5 * DAY_US)], capture_output=True,
            text=True, check=False)
        self.tap.check(done.returncode == 0 and "target1" in done.stdout and
                       done.stderr == "", "and nothing of later time", done)
        told = self.ask("SELECT DISTINCT from_instance, to_instance FROM "
                        "v_change")
        self.tap.check(("ams6", "ams5") in told and ("ams1", "ams0") in told,
                       "every change is still in v_change", told)

    def usage(self):
        bad = [(), ("--runs", "5"), ("--runs", "5", "--raw", "6"),
               ("--raw", "0"), ("--raw", "x"), ("--raw", "5", "extra")]
        done = [self.collector.run("prune", *words, check=False)
                for words in bad]
        self.tap.check(all(d.returncode == 2 and len(d.stderr.splitlines()) == 1
                           for d in done), "a usage error is one line", *done)


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        test.usage()
        test.fill()
        test.by_kind()
        test.reports()
        test.beside_server()
        test.afterwards()
        test.damage()
        return test.tap.done()
    finally:
        collector.remove()


if __name__ == "__main__":
    sys.exit(main())
