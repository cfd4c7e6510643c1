#!/usr/bin/env python3
# Proves that accollect check names whatever damage is planted in rows, runs, intervals, names, references, archive and pages, and finds none in a good store.
"""One good store; copies of it, each with one fault at a place drawn from a
printed seed. What is not found in one copy is a failure. A check that finds
nothing, or that lacks one of its conditions, must fail each."""
import glob
import os
import random
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
ROUNDS = 3  # of each kind
START_US = 1700000000000000
PAGE = 4096

# What is damaged, by SQL of a row drawn by :r, and what check must say.
ROWS = (
    ("a round trip", "UPDATE measurement SET rtt_us = rtt_us * 2 WHERE id = "
     "(SELECT id FROM measurement WHERE rtt_us > 0 ORDER BY id * :r % 997"
     " LIMIT 1)", "runs are"),
    ("an outcome", "UPDATE measurement SET outcome = 3, rtt_us = NULL,"
     " instance = NULL WHERE id = (SELECT id FROM measurement WHERE outcome ="
     " 0 ORDER BY id * :r % 997 LIMIT 1)", "runs are"),
    ("an instance of a row", "UPDATE measurement SET instance = 1 + (instance"
     " = 1) WHERE id = (SELECT id FROM measurement WHERE instance > 1"
     " ORDER BY id * :r % 997 LIMIT 1)", "runs are"),
    ("a row's time", "UPDATE measurement SET dt_us = dt_us + 70000000000 WHERE"
     " id = (SELECT id FROM measurement ORDER BY id * :r % 997 LIMIT 1)",
     "every batch has"),
    ("a row that is gone", "DELETE FROM measurement WHERE id = (SELECT id FROM"
     " measurement ORDER BY id * :r % 997 LIMIT 1)", "every batch has"),
    ("a row too many", "INSERT INTO measurement SELECT 1000000 + id, lane,"
     " dt_us, outcome, rtt_us, instance, ttl, rcode, stamp, size, detail,"
     " reply FROM measurement ORDER BY id * :r % 997 LIMIT 1",
     "no measurement belongs"),
    ("a lane of nobody", "UPDATE measurement SET lane = 99999 WHERE id ="
     " (SELECT id FROM measurement ORDER BY id * :r % 997 LIMIT 1)",
     "every measurement has"),
    ("a detail of nobody", "UPDATE measurement SET detail = 99999 WHERE id ="
     " (SELECT id FROM measurement ORDER BY id * :r % 997 LIMIT 1)",
     "every measurement has"),
    ("an instance of nobody", "UPDATE measurement SET instance = 99999 WHERE"
     " id = (SELECT id FROM measurement WHERE instance > 1 ORDER BY id * :r %"
     " 997 LIMIT 1)", "every measurement has"),
    ("a reply's details of nobody", "UPDATE measurement SET reply = 99999"
     " WHERE id = (SELECT id FROM measurement WHERE reply > 0 ORDER BY id *"
     " :r % 997 LIMIT 1)", "every measurement has"),
    ("a lane of another vantage point", "UPDATE lane SET vp = (SELECT id FROM"
     " vp WHERE name = 'par1') WHERE id = (SELECT id FROM lane ORDER BY id *"
     " :r % 97 LIMIT 1)", "every batch has"),
    ("a batch of no vantage point", "UPDATE batch SET vp = 77 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "every reference"),
    ("a batch's length", "UPDATE batch SET rows = rows - 1 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "no measurement belongs"),
    ("a run's end", "UPDATE run SET last = last + 1 WHERE (hour, lane, first,"
     " tie) = (SELECT hour, lane, first, tie FROM run ORDER BY (hour * 7 +"
     " lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run's histogram", "UPDATE run SET hist = x'0a01' WHERE (hour, lane,"
     " first, tie) = (SELECT hour, lane, first, tie FROM run WHERE hist IS NOT"
     " NULL ORDER BY (hour * 7 + lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run's count", "UPDATE run SET asked = asked + 1 WHERE (hour, lane,"
     " first, tie) = (SELECT hour, lane, first, tie FROM run ORDER BY (hour *"
     " 7 + lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run's instance", "UPDATE run SET instance = 1 + (instance = 1) WHERE"
     " (hour, lane, first, tie) = (SELECT hour, lane, first, tie FROM run"
     " ORDER BY (hour * 7 + lane) * :r % 997 LIMIT 1)", "runs are"),
    ("a run too many", "INSERT INTO run SELECT hour, lane, first - 1, tie,"
     " instance, last, answered, asked, unsent, hist FROM run ORDER BY (hour"
     " * 7 + lane) * :r % 997 LIMIT 1", "runs are"),
    ("a run that is gone", "DELETE FROM run WHERE (hour, lane, first, tie) ="
     " (SELECT hour, lane, first, tie FROM run ORDER BY (hour * 7 + lane) *"
     " :r % 997 LIMIT 1)", "runs are"),
    ("a block's bytes", "UPDATE block SET lanes = CAST(substr(lanes,"
     " 1, length(lanes) - 1) || x'7f' AS BLOB) WHERE (vp, hour) = (SELECT vp, hour FROM"
     " block ORDER BY hour * 7 * :r % 997 LIMIT 1)", "blocks are"),
    ("a block that is gone", "DELETE FROM block WHERE (vp, hour) = (SELECT vp,"
     " hour FROM block ORDER BY hour * 7 * :r % 997 LIMIT 1)", "blocks are"),
    ("a block too many", "INSERT INTO block SELECT vp, hour - 1000, lanes FROM"
     " block ORDER BY hour * 7 * :r % 997 LIMIT 1", "blocks are"),
    ("an interval's end", "UPDATE interval SET last = last - 1 WHERE (lane,"
     " first) = (SELECT lane, first FROM interval WHERE last > first ORDER BY"
     " first * :r % 997 LIMIT 1)", "intervals are"),
    ("an interval's instance", "UPDATE interval SET instance = 1 + (instance ="
     " 1) WHERE (lane, first) = (SELECT lane, first FROM interval ORDER BY"
     " first * :r % 997 LIMIT 1)", "intervals are"),
    ("an interval too many", "INSERT INTO interval SELECT lane, first - 1,"
     " tie, last, instance FROM interval ORDER BY first * :r % 997 LIMIT 1",
     "intervals are"),
    ("an interval that is gone", "DELETE FROM interval WHERE (lane, first) ="
     " (SELECT lane, first FROM interval ORDER BY first * :r % 997 LIMIT 1)",
     "intervals are"),
    ("an instance's text", "UPDATE instance SET text = text || 'x' WHERE id ="
     " (SELECT id FROM instance WHERE id > 1 ORDER BY id * :r % 97 LIMIT 1)",
     "every name"),
    ("an instance's bytes", "UPDATE instance SET bytes = CAST(bytes || x'41' AS BLOB)"
     " WHERE id = (SELECT id FROM instance WHERE id > 1 ORDER BY id * :r % 97"
     " LIMIT 1)", "every name"),
    ("a detail", "UPDATE detail SET json = json || ' ' WHERE id = (SELECT id"
     " FROM detail ORDER BY id * :r % 97 LIMIT 1)", "every name"),
    ("a host", "UPDATE host SET json = replace(json, '0.1', '0.2') WHERE id ="
     " (SELECT id FROM host ORDER BY id * :r % 97 LIMIT 1)", "every name"),
    ("a batch of no host", "UPDATE batch SET host = 77 WHERE id ="
     " (SELECT id FROM batch ORDER BY id * :r % 997 LIMIT 1)",
     "every reference"),
    ("a path", "UPDATE path SET hops = replace(hops, '198', '199') WHERE id ="
     " (SELECT id FROM path ORDER BY id * :r % 97 LIMIT 1)", "every name"),
    ("a trace's path", "UPDATE trace SET path = 99999 WHERE measurement ="
     " (SELECT measurement FROM trace ORDER BY measurement * :r % 97 LIMIT"
     " 1)", "every trace"),
    ("a reply of nobody", "UPDATE answer_bytes SET measurement = 999999 WHERE"
     " measurement = (SELECT measurement FROM answer_bytes ORDER BY"
     " measurement * :r % 97 LIMIT 1)", "every trace and raw reply"),
)
LAST = "is whole, and has every batch"  # check goes on to the end

QUERIES = "collector/statements_check.c"
# A condition of check that is taken out, and the row of ROWS that must tell.
CONDITIONS = (
    ("l.id IS NULL OR d.id IS NULL", "d.id IS NULL", "a lane of nobody"),
    ("l.id IS NULL OR d.id IS NULL", "l.id IS NULL", "a detail of nobody"),
    (" OR (m.instance IS NOT NULL AND i.id IS NULL)", " ",
     "an instance of nobody"),
    (" OR (m.reply IS NOT NULL AND r.id IS NULL)", " ",
     "a reply's details of nobody"),
    (" AND l.vp = b.vp", " ", "a lane of another vantage point"),
    ("  AND m.dt_us BETWEEN 0 AND b.t1 - b.t0", " ", "a row's time"),
    (" WHERE a <> b", " WHERE 0", "a row too many"),
    (' FROM trace UNION ALL SELECT measurement FROM answer_bytes)',
     ' FROM trace)', "a reply of nobody"),
    ("instance, last, answered, asked, unsent", "instance, last",
     "a run's count"),
    (' hex(hist)"', ' 1"', "a run's histogram"),
    ("tie, instance, last, answered", "tie, last, answered",
     "a run's instance"),
    (" FROM temp.run WHERE lane IN \" SETTLED_LANE",
     " FROM temp.run WHERE 0 AND lane IN \" SETTLED_LANE",
     "a run that is gone"),
    ("FROM main.run WHERE lane\"", "FROM main.run WHERE 0 AND lane\"",
     "a run too many"),
    ("SELECT * FROM main.block WHERE vp NOT IN\"",
     "SELECT * FROM main.block WHERE 0 AND vp NOT IN\"", "a block too many"),
    ("SELECT * FROM temp.block WHERE vp NOT IN\"",
     "SELECT * FROM temp.block WHERE 0 AND vp NOT IN\"",
     "a block that is gone"),
    ("FROM main.interval WHERE lane IN \" SETTLED_LANE\n"
     "	    \" EXCEPT", "FROM main.interval WHERE 0 AND lane IN \" "
     "SETTLED_LANE\n	    \" EXCEPT", "an interval too many"),
    (" WHERE lane IN \" SETTLED_LANE\n	    \" EXCEPT SELECT lane, first, tie,"
     " last, instance\"\n	    \" FROM main.interval",
     " WHERE 0 AND lane IN \" SETTLED_LANE\n	    \" EXCEPT SELECT lane, "
     "first, tie, last, instance\"\n	    \" FROM main.interval",
     "an interval that is gone"),
    (" UNION ALL SELECT 'path', id, hash, hops FROM path", " ", "a path"),
    ("SELECT 'detail', id, hash, json FROM detail\"\n    \" UNION ALL ", "",
     "a detail"),
)
BLIND = [("collector/check_content.c",
          "{\n	if (result != STORE_OK)\n		(void)printf(\"not ok",
          "{\n	count = 0;\n	if (result != STORE_OK)\n"
          "		(void)printf(\"not ok")]


def trace(t_us, number):
    hop = {"ttl": 1, "addr": f"198.51.100.{number}", "rtt_us": 900,
           "icmp": "11/0", "quoted_ttl": 1, "mpls": None, "auth_bits": 16}
    row = uploads.record(t_us)
    row = {key: row[key] for key in list(row)[:list(row).index("retry_of") + 1]}
    return row | {"type": "trace", "question": "trace", "port": None,
                  "proto": "icmp", "reply_ttl": 50,
                  "flow": {"n": 0, "src": None, "icmp_id": 7, "cksum": 9,
                           "label": None}, "hops": [hop]}


class Test:
    def __init__(self, tap, collector):
        self.tap, self.collector = tap, collector
        self.random = random.Random(SEED)
        self.good = collector.folder
        self.copy = collector.folder + ".copy"
        key = Key(collector.folder, "lon1")
        collector.add_vp("lon1", key)
        collector.add_vp("par1", Key(collector.folder, "par1"))
        paths = []
        for number in range(1, 25):
            t_us = START_US + number * 900 * 10**6
            rows = [uploads.record(
                t_us + i * 1000, f"ams{self.random.randrange(3)}",
                question=f"{i % 4}.example", qname=f"{i % 4}.example.",
                rtt_us=self.random.randrange(500, 90000),
                raw="00ff" if i == 0 else None) for i in range(20)]
            rows.append(trace(t_us + 30000, number))
            paths.append(os.path.join(collector.folder, f"b{number}"))
            with open(paths[-1], "wb") as file:
                file.write(Batch(key, "lon1", "0e" * 16, number, rows,
                                 t_us).file)
        collector.run("import", *paths)
        self.tap.check(self.check(self.good)[0] == 0,
                       "a good store has no fault", self.said)
        for path in glob.glob(collector.db + "-*"):
            os.unlink(path)  # all of it is in the file itself

    def check(self, folder):
        done = subprocess.run(
            [self.collector.program, "check", "--db", f"{folder}/anycast.db",
             "--archive", f"{folder}/archive"], capture_output=True, text=True,
            check=False)
        self.said = done.stdout + done.stderr
        return done.returncode, done.stdout

    def life(self):
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.good, self.copy)
        return os.path.join(self.copy, "anycast.db")

    def rows(self, rows=ROWS, rounds=ROUNDS):
        for what, sql, words in rows:
            faults = []
            for _ in range(rounds):
                draw = self.random.randrange(1, 997)
                db = sqlite3.connect(self.life())
                changed = db.execute(sql, {"r": draw}).rowcount
                db.commit()
                db.close()
                code, out = self.check(self.copy)
                if (changed < 1 or code != 1 or LAST not in out or
                        f"not ok: {words}" not in out):
                    faults.append(f"{draw}: {changed} rows, exit {code}: "
                                  f"{self.said}")
            self.tap.check(not faults, f"{what} is found", *faults[:1])

    def pages(self):
        pages = subprocess.run(
            ["sqlite3", "-readonly", f"file:{self.collector.db}?immutable=1",
             "SELECT pageno FROM dbstat"], check=True, capture_output=True,
            text=True).stdout.split()
        faults = []
        drawn = self.random.sample(pages, min(20, len(pages)))
        for page in drawn:
            path = self.life()
            with open(path, "r+b") as file:
                file.seek((int(page) - 1) * PAGE)
                file.write(bytes(PAGE))
            code, out = self.check(self.copy)
            # Where the schema itself is gone it cannot even be opened.
            if code not in (1, 4) or not (
                    code == 4 and not out and "anycast.db" in self.said or
                    "not ok" in out and LAST in out):
                faults.append(f"page {page}: exit {code}: {self.said}")
        self.tap.check(not faults, f"each of {len(drawn)} pages of zeros is "
                       "found", *faults[:2])

    def archive(self):
        path = glob.glob(f"{self.good}/archive/*.acarc")[0]
        size, faults, drawn = os.path.getsize(path), [], 25
        for _ in range(drawn):
            at = self.random.randrange(size)
            self.life()
            with open(path.replace(self.good, self.copy, 1), "r+b") as file:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << self.random.randrange(8)]))
            code, out = self.check(self.copy)
            if code != 1 or "not ok: the archive" not in out:
                faults.append(f"byte {at}: exit {code}: {self.said}")
        self.tap.check(not faults, f"each of {drawn} flipped bits of the "
                       "archive is found", *faults[:2])
        self.life()
        with open(path.replace(self.good, self.copy, 1), "r+b") as file:
            file.truncate(size - 10)
        code, out = self.check(self.copy)
        self.tap.check(code == 1 and "batch lon1" in out, "a batch that was "
                       "cut off is named", self.said)
        self.life()
        with open(path.replace(self.good, self.copy, 1), "ab") as file:
            file.write(b"acarc 1 batch 5000 ")
        code, out = self.check(self.copy)
        self.tap.check(code == 0, "what a crash leaves is no fault", self.said)


    def with_mutant(self, changes, part):
        """What part says where check is another that finds the store good."""
        quiet, program = mutant.Quiet(), self.collector.program
        said, self.tap = self.tap, quiet
        self.collector.program = mutant.build(self.collector.folder,
                                              "accollect", changes)
        if self.check(self.good)[0] != 0:
            raise AssertionError(f"{changes}: {self.said}")
        part()
        self.tap, self.collector.program = said, program
        return quiet.faults

    def mutants(self):
        def all_once():
            self.rows(rounds=1)
            self.pages()
            self.archive()

        found = self.with_mutant(BLIND, all_once)
        self.tap.check(len(found) >= len(ROWS) + 2 and all(
            f"{what} is found" in found for what, _, _ in ROWS) and all(
                any(word in what for what in found)
                for word in ("flipped bits", "cut off")),
            f"a check that is blind is noticed {len(found)} times", found)
        found = self.with_mutant(
            [(QUERIES, "integrity_check <> 'ok'", "0")], self.pages)
        self.tap.check(len(found) == 1, "a check that leaves SQLite's out is "
                       "noticed by pages of zeros", found)
        for old, new, what in CONDITIONS:
            row = [row for row in ROWS if row[0] == what]
            found = self.with_mutant([(QUERIES, old, new)],
                                     lambda: self.rows(row))
            self.tap.check(found == [f"{what} is found"],
                           f"a check without what finds {what} is noticed",
                           found)


def main():
    tap = uploads.Tap()
    tap.note(f"seed {SEED}")
    collector = uploads.Collector().make()
    try:
        test = Test(tap, collector)
        test.rows()
        test.pages()
        test.archive()
        test.mutants()
    finally:
        shutil.rmtree(collector.folder + ".copy", ignore_errors=True)
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
