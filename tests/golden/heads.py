#!/usr/bin/env python3
# Proves that v_batch gives back the head of every batch byte for byte, whatever it said, and that what is constant in heads is kept once; after rebuild and merge too.
"""The heads are made here, from drawn members, in the canonical form of
acrecord(5). A program that stores one member wrongly must be noticed.
"""
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

T0_US = 1700000000 * 1000000
SPOOL = "5b" * 16
COUNT = 120
BENT = [("collector/store_batch.c", "head->clock_offset_us != -1",
         "head->clock_offset_us > 0")]
HOSTS = [{"boot_id": boot, "version": version, "addresses": addresses,
          "allow_special": special}
         for boot, version, addresses, special in (
             (None, "0.1", [], []),
             ("a-b-c", "0.1", ["192.0.2.1"], []),
             ("%s%d{}", '9"%%\\d', ["192.0.2.1", "2001:db8::7"],
              ["10.0.0.0/8", "fd00::/8"]),
             ("null", "0.1-%n", [], ["127.0.0.0/8"]))]


def draw_head(rng, round_us, questions):
    head = {"type": "head",
            "round_at": uploads.utc(round_us + rng.choice(
                (0, 0, -1, 1, -59999999, 250000, 3599999999))),
            "every_s": rng.choice((0, 60, 300, 2**31 - 1)),
            "questions": questions + rng.choice((0, 0, 5)),
            "lost": rng.choice((0, 0, 3)), "skipped": rng.choice((0, 0, 7)),
            "clock": rng.choice((None, "synced", "unsynced")),
            "clock_offset_us": rng.choice((None, 0, 1, -2, -999999)),
            "clock_max_error_us": rng.choice((None, 0, 17, 8640000000000)),
            "clock_stepped": rng.random() < 0.3}
    if rng.random() < 0.3:
        head["suspended_us"] = rng.choice((1, 3600000000))
    if rng.random() < 0.3:
        head["attacked"] = rng.choice((1, 2**31 - 1))
    return head | rng.choice(HOSTS)


class Test:
    def __init__(self, tap, folder, program=None):
        self.tap, self.heads = tap, {}
        self.collector = uploads.Collector(program, folder).make()
        self.key = Key(folder, "lon1")
        self.collector.add_vp("lon1", self.key)

    def write(self, rng, number):
        """A batch as a file; its path."""
        round_us = T0_US + number * 300 * 1000000
        records = [uploads.record(round_us + i * 1000)
                   for i in range(rng.choice((0, 1, 3)))]
        head = draw_head(rng, round_us, len(records))
        self.heads[number] = json.dumps(head, separators=(",", ":"))
        body = uploads.zstd_raw("".join(
            json.dumps(line) + "\n" for line in (head, *records)).encode())
        path = os.path.join(self.collector.folder, f"{number}.acbatch")
        with open(path, "wb") as file:
            file.write(Batch(self.key, "lon1", SPOOL, number, records,
                             body=body).file)
        return path

    def fill(self):
        rng = random.Random(5)
        self.collector.run("import", *(
            self.write(rng, number) for number in range(1, COUNT + 1)))
        self.same(self.collector.db, "stored")

    def same(self, path, what):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            heads = dict(db.execute("SELECT number, head FROM v_batch"))
            hosts = db.execute("SELECT count(*) FROM host").fetchone()[0]
        wrong = [(number, head, heads.get(number))
                 for number, head in self.heads.items()
                 if heads.get(number) != head]
        self.tap.check(not wrong and len(heads) == COUNT,
                       f"every head is given back, {what}", *wrong[:3])
        self.tap.check(hosts == len(HOSTS),
                       "what is said of a host is kept once", hosts)

    def copies(self):
        folder = self.collector.folder
        rebuilt, merged, copied = (os.path.join(folder, name + ".db") for name
                                   in ("rebuilt", "merged", "copied"))
        program = self.collector.program
        for words in (("rebuild", "--db", rebuilt, "--archive",
                       os.path.join(folder, "archive")),
                      ("init", "--db", merged),
                      ("import", "--db", merged, "--format", "accollect",
                       self.collector.db),
                      ("backup", "--db", self.collector.db, copied)):
            subprocess.run([program, *words], check=True, capture_output=True)
        for path in (rebuilt, merged, copied):
            self.same(path, os.path.basename(path)[:-3])
        hashes = {subprocess.run([program, "check", "--hash", "--db", path],
                                 check=True, capture_output=True).stdout
                  for path in (self.collector.db, rebuilt, merged, copied)}
        self.tap.check(len(hashes) == 1, "and they have one hash", hashes)


def bent(folder):
    """The test with a program that forgets negative clock offsets."""
    program = mutant.build(folder, "accollect", BENT)

    def part(tap):
        Test(tap, os.path.join(folder, "bent"), program).fill()
    os.mkdir(os.path.join(folder, "bent"))
    return part


def main():
    tap = uploads.Tap()
    with tempfile.TemporaryDirectory(prefix=f"heads-{os.getpid()}-") as folder:
        os.mkdir(os.path.join(folder, "whole"))
        test = Test(tap, os.path.join(folder, "whole"))
        test.fill()
        test.copies()
        mutant.noticed(tap, "a member that is stored wrongly",
                       "every head is given back", bent(folder))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
