#!/usr/bin/env python3
# Proves that a full disk, a failing flush, a database that is busy, foreign or newer, and a reader of another user each end as documented.
"""Each fault is made for real: a small tmpfs, strace's injection, a lock held
by another process, another user's reader. Each also with an accollect that
lacks what the test asks for, which must be noticed.
"""
import contextlib
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

BUILD = os.environ.get("B") or "build"
PROGRAM = os.path.abspath(
    os.environ.get("ACCOLLECT") or
    os.path.join(uploads.ROOT, BUILD, "accollect"))
SPOOL = "e4" * 16
START_US = 1700000000000000
OTHER_USER = 65534
READER = """
import os, sqlite3, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[3]))
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(db.execute("SELECT count(*) FROM v_record").fetchone()[0])
"""


class Test:
    def __init__(self, tap, folder, program=PROGRAM):
        self.tap, self.folder, self.program = tap, folder, program
        self.key = Key(folder, "lon1")
        self.place = None

    def batch(self, number, rows=20):
        path = os.path.join(self.folder, f"{number}.acbatch")
        t_us = START_US + number * 300000000
        records = [uploads.record(t_us + i * 100, f"ams{i % 50}",
                                  target=f"t{number}-{i}")
                   for i in range(rows)]
        with open(path, "wb") as file:
            file.write(Batch(self.key, "lon1", SPOOL, number, records,
                             t_us).file)
        return path

    def fresh(self, place):
        self.place = place
        os.makedirs(place, exist_ok=True)
        self.db = os.path.join(place, "anycast.db")
        assert self.run("init").returncode == 0
        assert self.run("vp", "add", "lon1", "--key",
                        self.key.public_path).returncode == 0

    def run(self, *words, before=()):
        return subprocess.run(
            [*before, self.program, *words, "--db", self.db, "--archive",
             f"{self.place}/archive"], text=True, capture_output=True,
            check=False)

    def count(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro",
                                                uri=True)) as db:
            return (db.execute("SELECT count(*) FROM batch").fetchone()[0],
                    db.execute("PRAGMA integrity_check").fetchone()[0])

    def full_disk(self):
        place = os.path.join(self.folder, "small")
        os.mkdir(place)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "none",
                        place], check=True)
        try:
            self.fresh(place)
            stored, said = 0, None
            for number in range(1, 60):
                said = self.run("import", self.batch(number, 200))
                # it is stored even where there is no room to settle it
                if ": stored: " not in said.stdout:
                    break
                stored += 1
            self.tap.check(
                said.returncode == 4 and ": disk full: " in said.stdout and
                len(said.stderr.splitlines()) <= 3,
                f"a full disk is said in words, exit 4 (after {stored})",
                said)
            count, sound = self.count()
            self.tap.check(count == stored and sound == "ok",
                           "what was stored before is there", count, sound)
            subprocess.run(["mount", "-o", "remount,size=20m", place],
                           check=True)
            said = self.run("import", *(self.batch(number, 200) for number
                                        in range(1, stored + 3)))
            again = said.stdout.count(": stored: ")
            self.tap.check(
                said.returncode == 0 and again == 2 and
                self.run("check").returncode == 0,
                "with room again it goes on by itself", said)
        finally:
            subprocess.run(["umount", place], check=True)

    def failing_flush(self):
        """Each flush of an import fails once: exit 4, no receipt; then fine."""
        faults, failed = [], 0
        for error in ("EIO", "ENOSPC"):
            for call in ("fdatasync", "fsync"):
                for index in range(1, 30):
                    self.fresh(os.path.join(self.folder, "eio"))
                    said = self.run("import", self.batch(1), before=[
                        "strace", "-f", "-qq", "-o", "/dev/null", "-e",
                        f"trace={call}", "-e",
                        f"inject={call}:error={error}:when={index}"])
                    receipt = ": stored: " in said.stdout
                    count, sound = self.count()
                    again = self.run("import", self.batch(1))
                    if (sound != "ok" or (receipt and count != 1) or
                            again.returncode or
                            self.run("check").returncode):
                        faults.append(f"{error} {call} {index}: {said} "
                                      f"{again}")
                    failed += said.returncode == 4
                    shutil.rmtree(self.place)
                    if not said.returncode and receipt:
                        break
        self.tap.check(not faults, "a flush that fails gives no receipt and "
                       "breaks nothing", *faults[:3])
        self.tap.check(failed >= 4, f"{failed} flushes failed")

    def busy(self):
        self.fresh(os.path.join(self.folder, "busy"))
        with open(self.db + ".lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            start = time.monotonic()
            said = self.run("import", self.batch(1))
            waited = time.monotonic() - start
        self.tap.check(said.returncode == 4 and 2 < waited < 15 and
                       said.stderr.count("\n") == 1,
                       "a lock that is held is waited for, not for long",
                       said, waited)
        with contextlib.closing(sqlite3.connect(
                self.db, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            said = self.run("import", self.batch(1))
            db.execute("ROLLBACK")
        self.tap.check(said.returncode == 4 and ": busy: " in said.stdout,
                       "an operator's own transaction makes it busy", said)
        said = self.run("import", self.batch(1))
        self.tap.check(": stored: " in said.stdout, "afterwards it goes on",
                       said)

    def at_once(self):
        """Eight processes import the same files, each in another order."""
        self.fresh(os.path.join(self.folder, "once"))
        files = [self.batch(number) for number in range(1, 13)]
        runs = [subprocess.Popen(
            [self.program, "import", "--db", self.db, "--archive",
             f"{self.place}/archive", *files[i:], *files[:i]],
            stdout=subprocess.PIPE, text=True) for i in range(8)]
        stored = sum(run.communicate()[0].count(": stored: ") for run in runs)
        codes = [run.returncode for run in runs]
        self.tap.check(stored == 12 and not any(codes) and
                       self.run("check").returncode == 0,
                       "eight at once store each batch once", stored, codes)

    def stuck_reader(self):
        self.fresh(os.path.join(self.folder, "stuck"))
        self.run("import", self.batch(1))
        with contextlib.closing(sqlite3.connect(
                f"file:{self.db}?mode=ro", uri=True,
                isolation_level=None)) as db:
            db.execute("BEGIN")
            before = db.execute("SELECT count(*) FROM batch").fetchone()
            said = self.run("import", *(self.batch(n) for n in range(2, 9)))
            self.tap.check(said.returncode == 0 and before == db.execute(
                "SELECT count(*) FROM batch").fetchone(),
                "a reader that holds on hinders nobody and sees one state",
                said)

    def foreign(self):
        self.fresh(os.path.join(self.folder, "foreign"))
        other = os.path.join(self.place, "other.db")
        with contextlib.closing(sqlite3.connect(other)) as db:
            db.execute("CREATE TABLE t(a)")
            db.commit()
        empty = os.path.join(self.place, "empty.db")
        with open(empty, "wb"):
            pass
        newer = self.db
        with contextlib.closing(sqlite3.connect(newer)) as db:
            db.execute("PRAGMA user_version = 99")
        cases = ((other, "is not a database of accollect"),
                 (empty, "is not a database of accollect"),
                 (os.path.join(self.place, "none.db"), "No such file"),
                 (newer, "schema version 99"))
        wrong = []
        for path, words in cases:
            with contextlib.suppress(FileNotFoundError):
                before = os.stat(path).st_mtime_ns
            self.db = path
            for command in (["import", self.batch(1)], ["check"], ["status"],
                            ["vp", "list"]):
                said = self.run(*command)
                if (said.returncode != 4 or words not in said.stderr or
                        said.stderr.count("\n") != 1 or said.stdout):
                    wrong.append(f"{command}: {said}")
            if path in (other, empty) and (
                    os.stat(path).st_mtime_ns != before or
                    os.path.exists(path + "-wal")):
                wrong.append(f"{path} was touched")
        self.tap.check(not wrong, "an empty, foreign, missing or newer "
                       "database is refused in one line and not touched",
                       *wrong[:3])

    def other_user(self):
        self.fresh(os.path.join(self.folder, "user"))
        self.run("import", self.batch(1))
        for path in (self.folder, self.place):
            os.chmod(path, 0o755)
        for name in os.listdir(self.place):
            os.chown(os.path.join(self.place, name), 0, OTHER_USER)
        os.chown(self.place, 0, OTHER_USER)

        def read(user=OTHER_USER, group=OTHER_USER):
            return subprocess.run(
                ["/usr/bin/python3", "-c", READER, self.db, str(group),
                 str(user)], capture_output=True, text=True, check=False)

        said = read()
        self.tap.check(said.stdout == "20\n", "a reader of the group reads "
                       "with nothing running", said)
        with contextlib.closing(sqlite3.connect(
                self.db, isolation_level=None)) as db:
            # As a writer that runs: it has the files of WAL mode open.
            db.execute("PRAGMA wal_autocheckpoint = 0")
            self.run("import", self.batch(2))
            said = read()
        self.tap.check(said.stdout == "40\n", "and beside a writer", said)
        said = read(group=OTHER_USER - 1)
        self.tap.check(said.returncode and "unable to open" in said.stderr,
                       "one outside the group does not", said)

    def modes(self):
        self.fresh(os.path.join(self.folder, "modes"))
        self.run("import", self.batch(1))
        modes = {name: os.stat(os.path.join(self.place, name)).st_mode & 0o777
                 for name in os.listdir(self.place)}
        want = {"anycast.db": 0o640, "anycast.db-wal": 0o640,
                "anycast.db-shm": 0o640, "anycast.db.lock": 0o640,
                "archive": 0o750}
        self.tap.check(modes == want, "no file is anybody's", modes)


LIES = [("collector/store.c", "		result = store_run(s, STATEMENT_COMMIT);\n"
         "	if (result != STORE_OK) {",
         "		result = store_run(s, STATEMENT_COMMIT);\n"
         "	if (result != STORE_OK) { store_rollback(s); return STORE_OK;")]
# What is taken out, and the part that must miss it.
STEPS = (
    ("a failed transaction for a good one", LIES, Test.failing_flush,
     "gives no receipt"),
    ("somebody else's lock for its own", [
        ("collector/store_lock.c", "wait_for(try_lock, fd, until)", "0")],
     Test.busy, "is waited for"),
    ("a lock for one that stays", [
        ("collector/store_lock.c", "if (!mono_before(mono_now(), until))",
         "if (1)")], Test.busy, "is waited for"),
    ("a batch that is known for new", [
        ("collector/store_batch.c",
         "return result == STORE_OK ? found : result;",
         "(void)found; return result;")], Test.at_once, "eight at once"),
    ("any database for its own", [
        ("collector/store_open.c", "cursor_u32(&c) != APPLICATION_ID", "0")],
     Test.foreign, "is refused in one line"),
    ("any version for its own", [
        ("collector/store_open.c", "if (version != STORE_VERSION)", "if (0)")],
     Test.foreign, "is refused in one line"),
    ("everybody for its group", [("collector/store_create.c",
                                  "fchmod(fd, 0640)", "fchmod(fd, 0644)")],
     Test.modes, "no file is anybody's"),
    ("a full disk for a broken one", [
        ("collector/ingest.c", "[STORE_FULL] = INGEST_FULL",
         "[STORE_FULL] = INGEST_BROKEN")], Test.full_disk,
     "is said in words"),
)


def check_mutants(tap, folder):
    for what, changes, part, words in STEPS:
        if part is Test.full_disk and os.geteuid() != 0:
            continue
        with tempfile.TemporaryDirectory(dir=folder) as place:
            program = mutant.build(place, "accollect", changes)
            mutant.noticed(tap, f"an accollect that takes {what}", words,
                           lambda quiet: part(Test(quiet, place, program)))


def main():
    if os.geteuid() == 0 and "STORE_FAULTS" not in os.environ:
        # Mounts of our own: no other test's namespace holds on to them.
        os.environ["STORE_FAULTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                              sys.executable, *sys.argv])
    folder = tempfile.mkdtemp(prefix=f"store-faults-{os.getpid()}-")
    os.umask(0o022)
    try:
        test = Test(uploads.Tap(), folder)
        test.failing_flush()
        test.busy()
        test.at_once()
        test.stuck_reader()
        test.foreign()
        test.modes()
        if os.geteuid() == 0:
            test.full_disk()
            test.other_user()
        else:
            test.tap.skip("a full disk and another user", "needs root")
        check_mutants(test.tap, folder)
        return test.tap.done()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
