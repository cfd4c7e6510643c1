#!/usr/bin/env python3
# Proves that accollect check names whatever damage is planted in rows, runs, intervals, names, references, schema, archive and pages, and finds none in a good store.
"""One good store; copies of it, each with one fault at a place drawn from a
printed seed. What is not found in one copy is a failure. A check that finds
nothing, or that lacks one of its conditions, must fail each."""
import contextlib
import glob
import os
import random
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import filled  # noqa: E402
import mutant  # noqa: E402
from damages import CONDITIONS, QUERIES, ROWS  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
ROUNDS = 2  # of each kind
PAGE = 4096

LAST = "is whole, and has every batch"  # check goes on to the end

# An object, its text and another; what check says.
SCHEMA = (("v_change", "uncertain_s", "uncertain_t", 1),
          ("lane", "STRICT", "", 1),
          ("batch_by_time", "vp, t0", "vp, t1", 1),
          ("batch", "-- planned", "-- whatever", 0))
# What no store of ours has, and what it is called; ANALYZE is no harm.
STRANGERS = (("CREATE TRIGGER x AFTER INSERT ON batch BEGIN DELETE FROM note;"
              " END", "x"),
             ("CREATE TABLE other(a)", "other"),
             ("CREATE UNIQUE INDEX y ON measurement(lane, dt_us, id)", "y"),
             ("CREATE VIEW v_other AS SELECT 1", "v_other"),
             ("ANALYZE", None))
NO_STRANGERS = [("collector/check_schema.c",
                 "if (sqlite3_step(known) != SQLITE_ROW)", "if (0)")]
NO_SCHEMA = [("collector/check_schema.c", "if (!same)", "if (0)")]
ONE_TRANSACTION = [("collector/check.c", '"ROLLBACK; BEGIN"', '""')]
ENDED = [("collector/main.c", "settled = command_settle(db);\n	code",
          "settled = command_settle(db);\n	if (settled != EXIT_DONE)\n"
          "		return settled;\n	code")]
BLIND = [("collector/check_content.c",
          "{\n	if (result != STORE_OK)\n		(void)printf(\"not ok",
          "{\n	count = 0;\n	if (result != STORE_OK)\n"
          "		(void)printf(\"not ok")]


def flip(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


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
            t_us = filled.START_US + number * 900 * 10**6
            rows = filled.records(self.random, t_us, number)
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
             "--archive", f"{folder}/archive"], capture_output=True,
            encoding="utf-8", errors="backslashreplace", check=False)
        if not done.stdout.isascii():
            raise AssertionError(f"bytes of the store: {done.stdout!r}")
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

    def schema(self):
        """Tables and views by their SQL; a comment in it is none."""
        faults = []
        for name, old, new, code in SCHEMA:
            db = sqlite3.connect(self.life())
            db.execute("PRAGMA writable_schema = ON")
            changed = db.execute(
                "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name"
                " = ? AND instr(sql, ?)", (old, new, name, old)).rowcount
            db.commit()
            db.close()
            if changed != 1 or self.check(self.copy)[0] != code or (
                    code and f"  {name}\n" not in self.said):
                faults.append(f"{name}: {self.said}")
        self.tap.check(not faults, f"each of {len(SCHEMA) - 1} changes of the "
                       "schema is found", *faults)

    def strangers(self):
        faults = []
        for sql, name in STRANGERS:
            db = sqlite3.connect(self.life())
            db.execute(sql)
            db.close()
            code = self.check(self.copy)[0]
            if code != (name is not None) or (
                    name and f"  {name}\n" not in self.said):
                faults.append(f"{sql}: {self.said}")
        self.tap.check(not faults, f"each of {len(STRANGERS) - 1} objects that "
                       "no new store has is found", *faults)

    def marked(self):
        """A copy with an hour that is open, as a server that was killed
        leaves it."""
        path = self.life()
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("INSERT INTO unsettled(hour, vp) SELECT t1 / ?, vp FROM"
                       " batch ORDER BY id DESC LIMIT 1", (filled.HOUR_US,))
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path

    def is_told(self, page, name):
        """Where the schema itself is gone it cannot even be opened."""
        code, out = self.check(self.copy)
        if name == "sqlite_schema" and code == 4 and not out:
            return "anycast.db" in self.said
        return code in (1, 4) and "not ok" in out and LAST in out

    def pages(self, start=None, state="settled"):
        pages = [line.split("|") for line in subprocess.run(
            ["sqlite3", "-readonly", f"file:{self.collector.db}?immutable=1",
             "SELECT pageno, name FROM dbstat"], check=True,
            capture_output=True, text=True).stdout.split()]
        faults = []
        for page, name in pages:
            with open((start or self.life)(), "r+b") as file:
                file.seek((int(page) - 1) * PAGE)
                file.write(bytes(PAGE))
            if not self.is_told(page, name):
                faults.append(f"page {page} of {name}: {self.said}")
        self.tap.check(not faults, f"each of {len(pages)} pages of zeros is "
                       f"found where all is {state}", *faults[:2])

    def open_hour(self):
        """What cannot be settled ends no check; what can be is."""
        self.marked()
        code, out = self.check(self.copy)
        self.tap.check(code == 0 and "passed over" not in out and LAST in out,
                       "an open hour is settled, and is no fault", self.said)
        self.pages(self.marked, "settled but an hour")
        path = self.marked()
        with contextlib.closing(sqlite3.connect(path)) as db:
            page, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name"
                               " = 'run'").fetchone()
        with open(path, "r+b") as file:
            file.seek((page - 1) * PAGE)
            file.write(bytes(PAGE))
        code, out = self.check(self.copy)
        self.tap.check(code == 4 and "not ok: runs and intervals can" in out and
                       "passed over: 1 vantage points with 1 hours" in out and
                       LAST in out, "an hour that cannot be settled is passed "
                       "over, and the exit code is 4", code, self.said)
        self.tap.check("\nok: the archive is whole" in out and
                       "\nok: every act" in out, "what was met before keeps "
                       "the archive from nothing", self.said)

    def archive(self):
        path = glob.glob(f"{self.good}/archive/*.acarc")[0]
        size, faults, drawn = os.path.getsize(path), [], 25
        for _ in range(drawn):
            at = self.random.randrange(size)
            self.life()
            flip(path.replace(self.good, self.copy, 1), at,
                 self.random.randrange(8))
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
        found = self.with_mutant(ENDED, self.open_hour)
        self.tap.check(len(found) == 3, "a check that ends where it cannot "
                       "settle is noticed", found)
        found = self.with_mutant(ONE_TRANSACTION, self.open_hour)
        self.tap.check(len(found) == 1, "a check that goes on in a transaction "
                       "that met damage is noticed", found)
        found = self.with_mutant(NO_SCHEMA, self.schema)
        self.tap.check(len(found) == 1, "a check that does not look at the "
                       "schema is noticed", found)
        found = self.with_mutant(NO_STRANGERS, self.strangers)
        self.tap.check(len(found) == 1, "a check that does not look for what "
                       "no new store has is noticed", found)
        for source, old, new, what in CONDITIONS:
            row = [row for row in ROWS if row[0] == what]
            found = self.with_mutant([(source, old, new)],
                                     lambda: self.rows(row, 1))
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
        test.open_hour()
        test.schema()
        test.strangers()
        test.archive()
        test.mutants()
    finally:
        shutil.rmtree(collector.folder + ".copy", ignore_errors=True)
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
