#!/usr/bin/env python3
# Proves that where the archive has several contents of one batch, because a collector died before its commit, rebuild and export give the one that the database has, in whatever order they stand.
# time limit: 300 s
"""accollect import is killed as it enters a call for the index-th time while it
stores a batch; then another content comes under the same number. Whichever of
the two the database has, the database that is made again from the archive has.
Then archives that nobody wrote: contents of some numbers in drawn orders, of
which the last stays. A rebuild that takes the first must fail both."""
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

PROGRAM = os.path.abspath(os.environ.get("ACCOLLECT") or
                          os.path.join(uploads.BUILD, "accollect"))
START_US = 1700000000000000
SPOOL = "0c" * 16
CALLS = ("pwrite64", "fdatasync")
MOST = 40
SEED = int(os.environ.get("SEED", "4"))
ORDERS = 8
MUTANT = [("collector/rebuild.c",
           "r->again && contested_is_older(&r->contested, entry)",
           "false && contested_is_older(&r->contested, entry)")]


def entry(kind, data):
    line = f"acarc 1 {kind} {len(data)} {hashlib.sha256(data).hexdigest()}\n"
    return line.encode() + data + b"\n"


class Test:
    def __init__(self, tap, folder):
        self.tap, self.folder, self.program = tap, folder, PROGRAM
        self.key = Key(folder, "lon1")

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words, wrap=()):
        return subprocess.run([*wrap, self.program, *words],
                              capture_output=True, text=True, check=False)

    def batch(self, number, content):
        """Contents of one number differ in what answered."""
        t_us = START_US + number * 300000000
        return Batch(self.key, "lon1", SPOOL, number,
                     [uploads.record(t_us + i, f"{content}{i % 2}")
                      for i in range(5)], t_us).file

    def write(self, number, content):
        path = self.path(f"{number}{content}")
        with open(path, "wb") as file:
            file.write(self.batch(number, content))
        return path

    def hash(self, db):
        return self.run("check", "--hash", "--db", db).stdout

    def remade(self, archive):
        """(what rebuild did, the content)"""
        db = self.path("again.db")
        for name in os.listdir(self.folder):
            if name.startswith("again.db"):
                os.unlink(self.path(name))
        done = self.run("rebuild", "--db", db, "--archive", archive)
        return done, self.hash(db)

    def life(self):
        """A database that has a batch: where it is, as options."""
        words = ("--db", self.path("life/a.db"), "--archive",
                 self.path("life/archive"))
        shutil.rmtree(self.path("life"), ignore_errors=True)
        if os.path.exists(self.path("young")):
            shutil.copytree(self.path("young"), self.path("life"))
            return words
        os.mkdir(self.path("life"))
        self.run("init", *words)
        self.run("vp", "add", "lon1", "--key", self.key.public_path, *words)
        self.run("import", *words, self.write(1, "x"))
        shutil.copytree(self.path("life"), self.path("young"))
        return words

    def kill(self, call, index):
        """(contested, fault) or None: it was through."""
        words = self.life()
        first = self.run("import", *words, self.write(2, "a"), wrap=[
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:signal=KILL:when={index}"])
        if first.returncode == 0:
            return None
        self.run("import", *words, self.write(2, "b"))
        with open(self.path("life/archive/00000001.acarc"), "rb") as file:
            text = file.read()
        both = all(hashlib.sha256(self.batch(2, content)).hexdigest().encode()
                   in text for content in "ab")
        done, content = self.remade(self.path("life/archive"))
        if content == self.hash(words[1]) and len(content) == 65:
            return both, None
        return both, f"{call} {index}: {done.stdout}{done.stderr}"

    def kills(self, calls=CALLS):
        count, contested, faults = 0, 0, []
        for call in calls:
            for index in range(1, MOST):
                if (came := self.kill(call, index)) is None:
                    break
                count += 1
                contested += came[0]
                faults += [came[1]] if came[1] else []
        self.tap.check(count > contested > 0 and not faults,
                       f"{count} kills, after {contested} of them two "
                       "contents in the archive: what is made again is what "
                       "was", *faults[:3])

    def orders(self):
        rng, faults, exported = random.Random(SEED), [], []
        with open(self.key.public_path, "rb") as file:
            raw = subprocess.run(
                ["openssl", "pkey", "-pubin", "-outform", "DER"],
                input=file.read(), capture_output=True, check=True).stdout
        act = (f'{{"act":"key","vp":"lon1","public":"{raw[-32:].hex()}",'
               '"since_us":0}').encode()
        seen = set()
        for turn in range(ORDERS):
            drawn = [(number, content) for number in range(1, 6)
                     for content in "abc"[:rng.randrange(1, 4)]]
            drawn += rng.sample(drawn, 3)  # the same again
            rng.shuffle(drawn)
            last = dict(drawn)
            archive = self.path(f"order{turn}")
            os.mkdir(archive)
            with open(f"{archive}/00000001.acarc", "wb") as file:
                file.write(entry("act", act) + b"".join(
                    entry("batch", self.batch(*one)) for one in drawn))
            fresh = self.path(f"fresh{turn}.db")
            self.run("init", "--db", fresh)
            self.run("vp", "add", "lon1", "--key", self.key.public_path,
                     "--db", fresh)
            self.run("import", "--db", fresh,
                     *(self.write(*one) for one in last.items()))
            done, content = self.remade(archive)
            seen.add(content)
            if content != self.hash(fresh):
                faults.append(f"{drawn}: {done.stdout}{done.stderr}")
            self.run("export", "--archive", archive, "--to", f"{archive}.out")
            for number, content in last.items():
                with open(f"{archive}.out/lon1_{SPOOL}_{number}.acbatch",
                          "rb") as file:
                    if file.read() != self.batch(number, content):
                        exported.append((drawn, number))
        self.tap.check(not faults and len(seen) > 3,
                       f"{ORDERS} orders of up to three contents of five "
                       "batches: the last of each stays", *faults[:2])
        self.tap.check(not exported, "and is what export gives",
                       *exported[:2])


def main():
    tap = uploads.Tap()
    tap.note(f"seed {SEED}")
    with tempfile.TemporaryDirectory(
            prefix=f"contested-{os.getpid()}-") as folder:
        def parts(tap, folder, program=PROGRAM, calls=CALLS):
            os.mkdir(folder)
            test = Test(tap, folder)
            test.program = program
            if shutil.which("strace"):
                test.kills(calls)
            else:
                tap.skip("two contents in the archive", "no strace here")
            test.orders()

        parts(tap, os.path.join(folder, "good"))
        broken = mutant.build(folder, "accollect", MUTANT)
        quiet = mutant.Quiet()
        parts(quiet, os.path.join(folder, "broken"), broken, CALLS[1:])
        for words in ("what is made again", "the last of each stays"):
            if shutil.which("strace") or "again" not in words:
                tap.check(any(words in fault for fault in quiet.faults),
                          f"a rebuild that takes the first is noticed: "
                          f"{words}", quiet.faults)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
