#!/usr/bin/env python3
# Proves that a store of an earlier schema version becomes this one with every row kept and a backup beside it, and is the old or the new when killed at any write.
"""tests/golden/stores/vN.sql is what a program of version N made. An upgrade of
it is killed (SIGKILL by strace) as it enters each call for the index-th time.
The same without the transaction, and without the backup, must fail.
"""
import glob
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402

CALLS = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate",
         "unlink,unlinkat", "link,linkat")
PROGRAM = os.path.abspath(os.environ.get("ACCOLLECT") or
                          os.path.join(uploads.BUILD, "accollect"))
REPORT = os.path.join(uploads.BUILD, "acreport")
UNBOUND = [("collector/upgrade.c", '"BEGIN IMMEDIATE"', '"SELECT 1"'),
           ("collector/upgrade.c", "= %d; COMMIT", "= %d")]
UNCOPIED = [("collector/upgrade.c",
             "(code = backup_open_store(s, backup)) != EXIT_DONE",
             "(code = EXIT_DONE) != EXIT_DONE")]
STORES = os.path.join(uploads.ROOT, "tests", "golden", "stores")


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


# What stood in a column and is put together by a view now.
MOVED = {"head": "(SELECT w.head FROM v_batch AS w JOIN vp ON vp.name = w.vp"
                 " WHERE vp.id = batch.vp AND w.number = batch.number"
                 " AND w.spool = (SELECT name FROM spool"
                 " WHERE id = batch.spool))"}
# What is an id of a name now.
NAMED = {("batch", "spool"): "SELECT name FROM spool WHERE id = batch.spool"}


def read_columns(db, table, columns):
    there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    named = NAMED if db.execute("SELECT 1 FROM sqlite_schema WHERE name ="
                                " 'spool'").fetchone() else {}
    return sorted(db.execute("SELECT %s FROM %s" % (", ".join(
        f"({named[table, name]})" if (table, name) in named else
        name if name in there else MOVED.get(name, name)
        for name in columns.split(", ")), table)), key=repr)


def rows_of(path, before=None):
    """{(table, columns): its rows}, and the version, by a reader that is not
    ours; of the tables and columns that were there before. What is marked to be
    settled once more is no content."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        tables = before or [(name, ", ".join(
            column[1] for column in db.execute(f"PRAGMA table_info({name})")))
            for name, in db.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
                " AND name NOT IN ('setting', 'unsettled')").fetchall()]
        return ({(name, columns): read_columns(db, name, columns)
                 for name, columns in tables},
                db.execute("PRAGMA user_version").fetchone()[0],
                db.execute("PRAGMA integrity_check").fetchone()[0])


def schema_of(path):
    """What is there, without comments and spaces."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        found = {}
        for name, sql in db.execute("SELECT name, sql FROM sqlite_schema"
                                    " WHERE sql IS NOT NULL"):
            lines = [line.split("--")[0] for line in sql.split("\n")]
            found[name] = re.sub(r" ([,)])", r"\1",
                                 " ".join(" ".join(lines).split()))
        return found


class Test:
    def __init__(self, tap, folder, version, program=PROGRAM):
        self.tap, self.folder, self.version = tap, folder, version
        self.program = program
        self.old = os.path.join(folder, "old")
        os.mkdir(self.old)
        with open(os.path.join(STORES, f"v{version}.sql"), "rb") as file:
            subprocess.run(["sqlite3", f"{self.old}/a.db"], stdin=file,
                           stdout=subprocess.DEVNULL, check=True)
        self.before, found, _ = rows_of(f"{self.old}/a.db")
        assert found == version, found
        self.db = os.path.join(folder, "life", "a.db")
        fresh = os.path.join(folder, f"fresh{version}.db")
        run(PROGRAM, "init", "--db", fresh)
        self.schema = schema_of(fresh)
        with sqlite3.connect(fresh) as db:
            self.latest = db.execute("PRAGMA user_version").fetchone()[0]

    def start(self):
        shutil.rmtree(os.path.dirname(self.db), ignore_errors=True)
        shutil.copytree(self.old, os.path.dirname(self.db))

    def backups(self):
        return glob.glob(f"{self.db}.v{self.version}.*Z")

    def refusal(self):
        self.start()
        done = run(self.program, "status", "--db", self.db)
        self.tap.check(done.returncode == 4 and "accollect upgrade" in
                       done.stderr and done.stderr.count("\n") == 1,
                       "what is too old is refused, and what helps is said",
                       done.returncode, done.stderr)
        done = run(REPORT, "changes", "--db", self.db, "--since",
                   "2023-11-14", "--until", "2023-11-16")
        self.tap.check(done.returncode == 0 and len(
            done.stdout.splitlines()) > 1, "acreport reads it as it is",
            done.returncode, done.stdout, done.stderr)
        rows, version, _ = rows_of(self.db, list(self.before))
        self.tap.check(rows == self.before and version == self.version,
                       "neither changes it", version)

    def calm(self):
        self.start()
        done = run(self.program, "upgrade", "--db", self.db)
        self.tap.check(done.returncode == 0 and "now" in done.stdout,
                       f"version {self.version} is brought to "
                       f"{self.latest}", done.stdout, done.stderr)
        rows, version, sound = rows_of(self.db, list(self.before))
        self.tap.check(rows == self.before and sound == "ok" and
                       version == self.latest, "every row is kept", version,
                       sound)
        self.tap.check(schema_of(self.db) == self.schema,
                       "its tables and views are a new store's",
                       *(f"{name}: {self.schema.get(name)} / "
                         f"{schema_of(self.db).get(name)}"
                         for name in {*self.schema, *schema_of(self.db)}
                         if self.schema.get(name) !=
                         schema_of(self.db).get(name)))
        with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as db:
            hours = [db.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
                     for what in ("unsettled", "(SELECT DISTINCT l.vp, r.hour"
                                  " FROM run r JOIN lane l ON l.id = r.lane)",
                                  "block")]
        self.tap.check(hours[0] == 0 and hours[1] == hours[2] > 0,
                       "every hour is settled, and has its block", hours)
        check = run(self.program, "check", "--db", self.db)
        self.tap.check(check.returncode == 0, "check finds it whole",
                       check.stdout, check.stderr)
        backups = self.backups()
        rows, version, sound = rows_of(backups[0]) if backups else (0, 0, 0)
        self.tap.check(len(backups) == 1 and rows == self.before and
                       version == self.version and sound == "ok",
                       "the backup is the old one", backups, version)
        again = run(self.program, "upgrade", "--db", self.db)
        self.tap.check(again.returncode == 0 and "already" in again.stdout and
                       len(self.backups()) == 1,
                       "a second time does nothing", again.stdout)

    def summed(self):
        """What came before has no sums; what came since has, and they miss it
        where they are gone."""
        key = uploads.Key(self.folder, "new1")
        path = os.path.join(self.folder, "new1.acbatch")
        t_us = 1790000000 * 10**6
        with open(path, "wb") as file:
            file.write(uploads.Batch(key, "new1", "0e" * 16, 1,
                                     [uploads.record(t_us)], t_us).file)
        for words in (["vp", "add", "new1", "--key", key.public_path],
                      ["import", path]):
            done = run(self.program, *words, "--db", self.db)
            assert done.returncode == 0, done
        words = [self.program, "check", "--db", self.db]
        whole = run(*words)
        with sqlite3.connect(self.db) as db:
            old = db.execute("SELECT count(*) FROM batch WHERE rows > 0 AND"
                             " pruned & 4 = 0").fetchone()[0] - 1
            gone = db.execute("DELETE FROM row_sum").rowcount
        told = run(*words)
        with sqlite3.connect(self.db) as db:
            db.execute("DELETE FROM setting WHERE name = 'sums_from'")
        all_told = run(*words)
        self.tap.check(
            (whole.returncode, gone, told.returncode) == (0, 1, 1) and
            told.stdout.count("\n  batch ") == 1 and
            "  batch new1 " in told.stdout, "a batch that came since is missed "
            "its sum, and none that came before", whole, told)
        self.tap.check(old > 1 and all_told.returncode == 1 and
                       f"stored ({old + 1} faults)" in all_told.stdout,
                       "where it is not said when sums began, all are missed",
                       old, all_told)

    def newer(self):
        with sqlite3.connect(self.db) as db:
            db.execute("PRAGMA user_version = 99")
        before = rows_of(self.db)
        done = run(self.program, "upgrade", "--db", self.db)
        self.tap.check(done.returncode == 4 and "version 99" in done.stderr
                       and rows_of(self.db) == before,
                       "a newer one is refused and left as it is",
                       done.returncode, done.stderr)

    def full(self):
        """No room for a backup: then nothing is changed."""
        self.start()
        done = run(self.program, "upgrade", "--db", self.db, "--backup",
                   "/dev/full/x")
        rows, version, _ = rows_of(self.db, list(self.before))
        self.tap.check(done.returncode in (3, 4) and rows == self.before and
                       version == self.version,
                       "without a backup there is no upgrade",
                       done.returncode, done.stderr)

    def life_at(self, call, index):
        """(killed, fault or None)"""
        self.start()
        done = run("strace", "-f", "-qq", "-o", "/dev/null", "-e",
                   f"trace={call}", "-e",
                   f"inject={call}:signal=SIGKILL:when={index}",
                   self.program, "upgrade", "--db", self.db)
        killed = done.returncode in (-9, 137)
        rows, version, sound = rows_of(self.db, list(self.before))
        self.states.add(version)
        if rows != self.before or sound != "ok":
            return killed, f"rows differ, or {sound}"
        if version not in (self.version, self.latest):
            return killed, f"version {version}"
        if version == self.latest and not self.backups():
            return killed, "new without a backup"
        for path in self.backups():
            if rows_of(path) != (self.before, self.version, "ok"):
                return killed, "a backup that is none"
        again = run(self.program, "upgrade", "--db", self.db, "--backup",
                    f"{self.db}.again")
        rows, version, sound = rows_of(self.db, list(self.before))
        if again.returncode != 0 or version != self.latest or \
                rows != self.before or schema_of(self.db) != self.schema:
            return killed, f"then: {again.stdout}{again.stderr}"
        return killed, None

    def kills(self, calls=CALLS, least=20):
        faults, kills, self.states = [], 0, set()
        for call in calls:
            index, killed = 1, True
            while killed:
                try:
                    killed, fault = self.life_at(call, index)
                except sqlite3.OperationalError as error:
                    killed, fault = True, str(error)
                if fault:
                    faults.append(f"{call} {index}: {fault}")
                kills += killed
                index += 1
        self.tap.check(not faults and kills >= least,
                       f"killed at any of {kills} calls it is the old or the "
                       "new, and goes on", *faults[:5])
        self.tap.check(self.states == {self.version, self.latest},
                       "both were seen", self.states)


def check_mutants(tap, folder, version):
    def life_of(quiet, name, changes, part):
        place = os.path.join(folder, name)
        os.mkdir(place)
        program = mutant.build(place, "accollect", changes)
        part(Test(quiet, place, version, program))

    mutant.noticed(
        tap, "an upgrade that is no transaction", "it is the old or the new",
        lambda quiet: life_of(quiet, "unbound", UNBOUND,
                              lambda test: test.kills(("pwrite64",), 1)))
    mutant.noticed(
        tap, "an upgrade without a backup", "the backup is the old one",
        lambda quiet: life_of(quiet, "uncopied", UNCOPIED,
                              lambda test: test.calm()))


def main():
    tap = uploads.Tap()
    folder = tempfile.mkdtemp(prefix=f"upgrade-{os.getpid()}-")
    try:
        stores = sorted(os.listdir(STORES))
        for name in stores:
            test = Test(tap, folder, int(name[1:].split(".")[0]))
            test.refusal()
            test.calm()
            test.summed()
            test.newer()
            test.full()
            test.kills()
            shutil.rmtree(test.old)
        check_mutants(tap, folder, test.version)
        tap.check(len(stores) == test.latest - 1,
                  "every earlier version has its store here", stores)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
