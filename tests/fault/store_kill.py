#!/usr/bin/env python3
# Proves that accollect init and import, killed at any write, flush, rename or unlink, lose nothing that was said to be stored and store nothing twice.
"""For each system call and each index, `accollect import` of several batches
runs under strace, which kills it (SIGKILL) as it enters that call for the
index-th time. What it had printed as stored by then is the ledger. Then the
same files are imported again without a kill, and the content must be that of
a collector that was never killed, in the database and in the archive. The same
with an accollect that commits before it archives must fail.
"""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

CALLS = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "mkdir,mkdirat",
         "rename,renameat,renameat2", "unlink,unlinkat", "link,linkat")
RECEIPTS = 200
SPOOL = "c2" * 16
START_US = 1700000000000000
ROWS = 40
PROGRAM = os.path.abspath(
    os.environ.get("ACCOLLECT") or
    os.path.join(uploads.ROOT, os.environ.get("B") or "build", "accollect"))
ARCHIVED_LATER = [("collector/store.c", """	enum store_result result = flush_archive(s);

	if (result == STORE_OK)
		result = store_run(s, STATEMENT_COMMIT);
""", """	enum store_result result = store_run(s, STATEMENT_COMMIT);

	if (result == STORE_OK)
		result = flush_archive(s);
""")]
NAMED_FIRST = [
    ("collector/store_create.c", 'temp, sizeof(temp), "%s.new", path',
     'temp, sizeof(temp), "%s", path'),
    ("collector/store_create.c", "code = store_publish(temp, path);\n"
     "	(void)unlink(temp);\n", "code = EXIT_DONE;\n")]


def write_batches(folder, key):
    """Batches of an hour and a bit, and one in conflict with the first."""
    paths = []
    for number in range(1, 7):
        t_us = START_US + number * 900000000
        records = [uploads.record(t_us + i * 1000, f"ams{number * i % 7}",
                                  question=f"{i % 4}.example",
                                  qname=f"{i % 4}.example.")
                   for i in range(ROWS)]
        paths.append(os.path.join(folder, f"{number}.acbatch"))
        batch = Batch(key, "lon1", SPOOL, number, records, t_us)
        with open(paths[-1], "wb") as file:
            file.write(batch.file)
    other = Batch(key, "lon1", SPOOL, 1, [uploads.record(START_US)], START_US)
    paths.insert(3, os.path.join(folder, "other.acbatch"))
    with open(paths[3], "wb") as file:
        file.write(other.file)
    return paths


def strace(call, index, words):
    """Run a command, killed at that index. (killed, standard output)."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
         f"inject={call}:signal=SIGKILL:when={index}", *words],
        capture_output=True, text=True, check=False)
    return done.returncode in (-9, 137), done.stdout


def stored_in(output):
    """Names of the files that were said to be stored (or to be there)."""
    return {line.split(": ")[0] for line in output.splitlines()
            if ": stored: " in line or ": duplicate: " in line}


class Test:
    def __init__(self, tap, folder, program=PROGRAM):
        self.tap, self.folder, self.program = tap, folder, program
        self.fresh = os.path.join(folder, "fresh")
        self.life = os.path.join(folder, "life")
        os.mkdir(self.fresh)
        self.key = Key(folder, "lon1")
        self.files = write_batches(folder, self.key)
        self.good = [path for path in self.files if "other" not in path]
        self.run(self.fresh, "init")
        self.run(self.fresh, "vp", "add", "lon1", "--key",
                 self.key.public_path)
        self.want = self.calm_hash()
        self.receipts = self.kills = 0
        self.faults = []

    def words(self, folder, *words):
        return [self.program, *words, "--db", f"{folder}/anycast.db", "--archive",
                f"{folder}/archive"]

    def run(self, folder, *words, code=0):
        done = subprocess.run(self.words(folder, *words), text=True,
                              capture_output=True, check=False)
        if done.returncode != code:
            raise AssertionError(f"{words[:2]}: exit {done.returncode}: "
                                 f"{done.stdout}{done.stderr}")
        return done.stdout

    def start_life(self):
        shutil.rmtree(self.life, ignore_errors=True)
        shutil.copytree(self.fresh, self.life)

    def calm_hash(self):
        self.start_life()
        self.run(self.life, "import", *self.files, code=1)
        return self.run(self.life, "check", "--hash")

    def rebuilt_hash(self):
        new = os.path.join(self.life, "new")
        os.mkdir(new)
        subprocess.run([self.program, "rebuild", "--archive",
                        f"{self.life}/archive", "--db", f"{new}/anycast.db"],
                       capture_output=True, check=False)
        return self.run(new, "check", "--hash")

    def batches_there(self):
        with sqlite3.connect(f"file:{self.life}/anycast.db?mode=ro",
                             uri=True) as db:
            return ({row[0] for row in db.execute("SELECT number FROM batch")},
                    db.execute("PRAGMA integrity_check").fetchone()[0])

    def life_at(self, call, index):
        """True where it was killed; faults are kept."""
        self.start_life()
        killed, output = strace(call, index,
                                self.words(self.life, "import", *self.files))
        receipts = stored_in(output)
        there, sound = self.batches_there()
        lost = [path for path in receipts if int(
            os.path.basename(path).split(".")[0]) not in there]
        again = self.run(self.life, "import", *self.files, code=1)
        if lost or sound != "ok":
            self.fault(call, index, f"lost {lost}, integrity {sound}")
        if stored_in(again) != set(self.good):
            self.fault(call, index, again)
        if any(f"{path}: stored" in again for path in receipts):
            self.fault(call, index, f"stored twice: {again}")
        if self.run(self.life, "check", "--hash") != self.want:
            self.fault(call, index, "other content")
        if self.rebuilt_hash() != self.want:
            self.fault(call, index, "other content from the archive")
        self.receipts += len(receipts)
        self.kills += killed
        return killed

    def fault(self, call, index, what):
        self.faults.append(f"{call} {index}: {what}")

    def import_killed(self, calls=CALLS):
        for call in calls:
            index = 1
            while self.life_at(call, index):
                index += 1
            self.tap.note(f"{call}: killed {index - 1} times")
        self.tap.check(not self.faults, "an import killed anywhere and run "
                       "again gives the content of one never killed",
                       *self.faults[:5])
        self.tap.check(self.receipts >= RECEIPTS,
                       f"the ledger holds {self.receipts} receipts of "
                       f"{self.kills} lives", f"under {RECEIPTS}")

    def init_at(self, call, index):
        shutil.rmtree(self.life, ignore_errors=True)
        os.mkdir(self.life)
        killed, _ = strace(call, index, self.words(self.life, "init"))
        database = os.path.join(self.life, "anycast.db")
        if not os.path.exists(database):
            self.run(self.life, "init")
        try:
            self.run(self.life, "vp", "add", "lon1", "--key",
                     self.key.public_path)
        except AssertionError as error:
            self.fault(f"init {call}", index, str(error))
            return killed
        self.run(self.life, "import", *self.files, code=1)
        if self.run(self.life, "check", "--hash") != self.want:
            self.fault(f"init {call}", index, "other content")
        mode = os.stat(database).st_mode & 0o777
        if mode != 0o640:
            self.fault(f"init {call}", index, f"mode {mode:o}")
        return killed

    def init_killed(self, calls=CALLS):
        kills = 0
        self.faults = []
        for call in calls:
            index = 1
            while self.init_at(call, index):
                index += 1
                if self.faults:
                    break
            kills += index - 1
        self.tap.check(not self.faults, f"init killed anywhere ({kills} times)"
                       " leaves no database or a whole one", *self.faults[:5])

    def check_finds(self):
        """What the checks above rest on: that check tells a fault."""
        self.start_life()
        self.run(self.life, "import", *self.files, code=1)
        with sqlite3.connect(f"{self.life}/anycast.db") as db:
            db.execute("UPDATE interval SET last = last + 1")
        said = self.run(self.life, "check", code=1)
        self.tap.check("not ok: intervals" in said,
                       "check finds an interval that was tampered with", said)
        with sqlite3.connect(f"{self.life}/anycast.db") as db:
            db.execute("UPDATE interval SET last = last - 1")
            db.execute("DELETE FROM measurement WHERE id = 7")
        said = self.run(self.life, "check", code=1)
        self.tap.check(said.count("not ok: ") >= 3,
                       "check finds a measurement that is gone", said)


def check_mutants(tap, folder):
    def lives_of(quiet, name, changes, part):
        place = os.path.join(folder, name)
        os.mkdir(place)
        program = mutant.build(place, "accollect", changes)
        part(Test(quiet, place, program))

    mutant.noticed(
        tap, "a commit before the archive", "an import killed anywhere",
        lambda quiet: lives_of(quiet, "later", ARCHIVED_LATER,
                               lambda test: test.import_killed(("write",))))
    mutant.noticed(
        tap, "an init that names the file before it is whole",
        "leaves no database or a whole one",
        lambda quiet: lives_of(quiet, "first", NAMED_FIRST,
                               lambda test: test.init_killed(("pwrite64",))))


def main():
    # Nothing here needs a disk: a kill loses no page of the kernel's.
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix=f"store-kill-{os.getpid()}-", dir=shm)
    try:
        test = Test(uploads.Tap(), folder)
        test.import_killed()
        test.init_killed()
        test.check_finds()
        check_mutants(test.tap, folder)
        return test.tap.done()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
