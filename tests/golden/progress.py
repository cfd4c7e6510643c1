#!/usr/bin/env python3
# Proves that what a store keeps of each spool is what its batches say, in whatever order they came, and that vantage points are listed without reading them.
"""usage: progress.py [SEED]"""
import csv
import io
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
MANY = 100000
PREADS = 300  # of a page each; the batches alone have thousands
INSERT = """INSERT INTO batch(vp, spool, number, sha256, t0, t1, first_row,
    rows, questions, lost, skipped, too_late, received, host)
    VALUES(?, ?, ?, x'00', ?, ?, 0, ?, 0, ?, ?, ?, ?, 1)"""


def numbers_of(draw):
    """Spools with holes of every kind, among others where blocks of 500 end."""
    yield "all", range(1, 1201)
    yield "one", [1]
    yield "late", range(700, 1300)
    yield "edges", sorted(set(range(1, 2101)) - {500, 501, 1000, 1499, 1502,
                                                 2001, 2002})
    yield "behind", sorted(set(range(1, 1100)) - {501, 1002})
    yield "far", [2, 3, 10**15]
    yield "sparse", range(1, 120, 3)
    for i in range(12):
        top = draw.choice((30, 600, 3000))
        kept = draw.choice((0.3, 0.9, 0.998))
        yield f"drawn{i}", [n for n in range(1, top) if draw.random() < kept
                            ] or [1]


def holes(numbers):
    """(how many are missing, the first twenty stretches as text)."""
    stretches, before = [], 0
    for number in numbers:
        if number > before + 1:
            stretches.append((before + 1, number - 1))
        before = number
    text = [f"{a}-{z}" if a < z else str(a) for a, z in stretches[:20]]
    text += ["..."] if len(stretches) > 20 else []
    return sum(z - a + 1 for a, z in stretches), " ".join(text)


def row_of(draw, number):
    t0 = 10**15 + draw.randrange(50) * 10**6
    return (number, t0, t0 + draw.randrange(3) * 10**6, draw.choice((0, 7)),
            draw.randrange(2), draw.randrange(3), draw.randrange(2),
            draw.randrange(10**9))


def kept_of(rows):
    """A row of progress, of those of its batches."""
    t1, latest = max((row[2], row[0]) for row in rows)
    full = [row for row in rows if row[3] > 0]
    return (len(rows), sum(row[3] for row in rows),
            max(row[0] for row in rows), t1, latest,
            min((row[1] for row in full), default=None),
            max((row[2] for row in full), default=None),
            *(sum(row[i] for row in rows) for i in (4, 5, 6)),
            max(row[7] for row in rows))


class Test:
    def __init__(self, tap, folder):
        self.tap, self.folder = tap, folder
        self.draw = random.Random(SEED)
        self.program = os.path.join(uploads.BUILD, "accollect")

    def run(self, *words, db="x.db", before=(), check=True):
        return subprocess.run(
            [*before, self.program, *words, "--db",
             os.path.join(self.folder, db)],
            check=check, text=True, capture_output=True)

    def open(self, name):
        self.run("init", db=name)
        db = sqlite3.connect(os.path.join(self.folder, name))
        db.execute("INSERT INTO host(id, hash, json) VALUES(1, x'00', '{}')")
        return db

    def fill(self, db):
        """Batches of several spools, in a drawn order: {spool: rows}."""
        spools, inserts = {}, []
        for i, (name, numbers) in enumerate(numbers_of(self.draw), 1):
            db.execute("INSERT INTO vp(id, name) VALUES(?, ?)", (i, name))
            db.execute("INSERT INTO spool(id, name) VALUES(?, ?)", (i, f"{i:032x}"))
            spools[i] = [row_of(self.draw, number) for number in numbers]
            inserts += [(i, i, *row) for row in spools[i]]
        self.draw.shuffle(inserts)
        db.executemany(INSERT, inserts)
        db.commit()
        return spools

    def sums(self):
        db = self.open("x.db")
        spools = self.fill(db)
        have = {row[0]: row[2:] for row in
                db.execute("SELECT * FROM progress")}
        want = {i: kept_of(rows) for i, rows in spools.items()}
        self.tap.check(have == want and len(want) == 19,
                       "what is kept of each spool is what its batches say",
                       [(have.get(i), want[i]) for i in want
                        if have.get(i) != want[i]])
        rows = csv.DictReader(io.StringIO(
            self.run("vp", "status", "--format", "csv").stdout))
        have = {row["spool"]: (int(row["missing"]), row["missing_numbers"])
                for row in rows}
        want = {f"{i:032x}": holes(sorted(row[0] for row in rows))
                for i, rows in spools.items()}
        self.tap.check(have == want, "missing batches are those that lack",
                       [(have.get(i), want[i]) for i in want
                        if have.get(i) != want[i]])
        db.close()

    def damage(self):
        """Each column of it, and a row that is gone or of nothing."""
        sentence = "what came of each spool is what its batches say"
        ok = f"ok: {sentence}\n" in self.run("check", check=False).stdout
        self.tap.check(ok, "check says so")
        for change in (*(f"UPDATE progress SET {name} = ifnull({name}, 0) + 1"
                         " WHERE spool = 4" for name in (
                             "batches rows number t1 latest first last lost "
                             "skipped too_late received").split()),
                       "DELETE FROM progress WHERE spool = 4",
                       "INSERT INTO progress(vp, spool, batches, rows, number,"
                       " t1, latest, first, last, lost, skipped, too_late,"
                       " received) SELECT vp, 5, batches, rows, number, t1,"
                       " latest, first, last, lost, skipped, too_late, received"
                       " FROM progress WHERE spool = 4"):
            shutil.copy(f"{self.folder}/x.db", f"{self.folder}/y.db")
            with sqlite3.connect(f"{self.folder}/y.db") as db:
                db.execute(change)
            db.close()
            done = self.run("check", db="y.db", check=False)
            self.tap.check(
                done.returncode == 1 and
                re.search(rf"(?m)^not ok: {sentence}", done.stdout)
                is not None, f"and finds: {change[:60]}", done.stdout)

    def reads(self):
        if shutil.which("strace") is None:
            self.tap.skip("few pages are read", "needs strace")
            return
        db = self.open("many.db")
        db.execute("INSERT INTO vp(id, name) VALUES(1, 'lon1')")
        db.execute("INSERT INTO spool(id, name) VALUES(1, ?)", ("0" * 32,))
        db.executemany(INSERT, ((1, 1, number, *row_of(self.draw, 0)[1:])
                                for number in range(1, MANY + 1)))
        db.commit()
        db.close()
        for words in (["vp", "list"], ["vp", "status"], ["status"]):
            trace = os.path.join(self.folder, "trace")
            done = self.run(*words, db="many.db", before=[
                "strace", "-f", "-o", trace, "-e", "trace=pread64"])
            with open(trace, encoding="ascii") as file:
                count = sum("pread64(" in line for line in file)
            self.tap.check(
                0 < count < PREADS and str(MANY) in done.stdout,
                f"{' '.join(words)} of {MANY} batches reads few pages", count,
                done.stdout)
            self.tap.note(f"{count} reads")


def main():
    tap = uploads.Tap()
    tap.note(f"seed {SEED}")
    folder = f"{os.environ.get('TMPDIR', '/tmp')}/progress-{os.getpid()}"
    os.mkdir(folder)
    try:
        test = Test(tap, folder)
        test.sums()
        test.damage()
        test.reads()
    finally:
        shutil.rmtree(folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
