#!/usr/bin/env python3
# Proves that a backup taken while batches come in holds every batch receipted before it began, restores to the same content, and is whole or not there when killed.
"""A collector serves, a thread uploads, and backups are made meanwhile. Each
copy must hold the ledger of receipts as it was when the backup began, and pass
`check`. When the uploads have ended, a last copy has the collector's hash.
Then a backup is killed at each index of the system calls that write. The same
with a copy under its last name, or that nobody looked at, must fail.
"""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

CALLS = ("pwrite64", "fsync", "fdatasync", "link,linkat", "unlink,unlinkat")
COPIES = 4
SPOOL = "d3" * 16
START_US = 1700000000000000
ROWS = 60
NAMED_FIRST = [
    ("collector/backup.c", '"%s.%ld.new", to, (long)getpid()', '"%s", to'),
    ("collector/backup.c", "code = store_publish(temp, to);",
     "return EXIT_DONE;")]
UNSEEN = [("collector/backup.c", "(rc = look_at_pages(to, s->path)) ==",
           "(rc = SQLITE_DONE) ==")]


class Uploading(threading.Thread):
    """Uploads until told to stop; ledger: the numbers with a receipt."""

    def __init__(self, collector, key):
        super().__init__()
        self.collector, self.key = collector, key
        self.ledger, self.faults, self.stopped = [], [], False

    def run(self):
        number = 0
        while not self.stopped:
            number += 1
            t_us = START_US + number * 300000000
            batch = Batch(self.key, "lon1", SPOOL, number,
                          [uploads.record(t_us + i, f"ams{number // 3 + i % 2}")
                           for i in range(ROWS)], t_us)
            status, body = self.collector.upload(batch)
            if status == 201:
                self.ledger.append(number)
            else:
                self.faults.append(f"{number}: {status} {body!r}")


def numbers(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return [row[0] for row in db.execute(
            "SELECT number FROM batch ORDER BY number")]


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector
        self.program = collector.program
        self.key = Key(collector.folder, "lon1")
        collector.make()
        collector.add_vp("lon1", self.key)

    def command(self, *words):
        return subprocess.run([self.program, *words], text=True,
                              capture_output=True, check=False)

    def path(self, name):
        return os.path.join(self.collector.folder, name)

    def copy_beside_uploads(self, client, i):
        before = list(client.ledger)
        done = self.collector.run("backup", self.path(f"copy{i}"), check=False)
        if done.returncode != 0:
            return f"copy {i}: {done.returncode} {done.stderr}"
        held = numbers(self.path(f"copy{i}"))
        if not set(before) <= set(held) or held != list(
                range(1, len(held) + 1)):
            return f"copy {i}: {len(before)} receipts, holds {held}"
        checked = self.command("check", "--db", self.path(f"copy{i}"))
        return "" if checked.returncode == 0 else checked.stdout

    def beside_uploads(self):
        client = Uploading(self.collector, self.key)
        client.start()
        faults, sizes = [], []
        while len(sizes) < COPIES:
            had = len(client.ledger)
            while len(client.ledger) < had + 3 and not client.faults:
                time.sleep(0.01)
            faults.append(self.copy_beside_uploads(client, len(sizes)))
            sizes.append(had)
        client.stopped = True
        client.join()
        self.tap.check(not any(faults + client.faults),
                       f"each of {COPIES} copies made beside uploads holds "
                       "what was receipted before, and is whole",
                       *faults, *client.faults[:3])

    def same_content(self):
        self.collector.run("backup", self.path("last"))
        want = self.collector.run("check", "--hash").stdout
        have = self.command("check", "--hash", "--db",
                            self.path("last")).stdout
        self.tap.check(len(want) == 65 and want == have,
                       "a copy has the hash of what it is a copy of",
                       want, have)
        mode = os.stat(self.path("last")).st_mode & 0o777
        self.tap.check(mode == 0o640, "a copy is for its group, nobody else",
                       f"{mode:o}")
        again = self.collector.run("backup", self.path("last"), check=False)
        self.tap.check(again.returncode == 4 and "last" in again.stderr,
                       "a file that is there is not overwritten", again)

    def restored(self):
        """The copy in the place of the database goes on where it ended."""
        place = uploads.Collector(folder=self.path("place"))
        os.mkdir(place.folder)
        place.make()
        for name in os.listdir(place.folder):
            if name.startswith("anycast.db"):
                os.unlink(os.path.join(place.folder, name))
        shutil.copy(self.path("last"), place.db)
        started = place.start()
        number = numbers(place.db)[-1] + 1
        batch = Batch(self.key, "lon1", SPOOL, number,
                      [uploads.record(START_US)], START_US)
        status, body = place.upload(batch) if started else (None, "")
        code = place.stop()
        self.tap.check(status == 201 and code == 0,
                       "a server goes on with a copy", status, body,
                       place.log().decode())

    def damaged(self):
        """A page that cannot be right is not copied in silence."""
        bad = self.path("bad")
        shutil.copy(self.path("last"), bad)
        with sqlite3.connect(bad) as db:
            page = db.execute("SELECT rootpage FROM sqlite_schema WHERE "
                              "name = 'measurement'").fetchone()[0]
            size = db.execute("PRAGMA page_size").fetchone()[0]
        with open(bad, "r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xff" * 200)
        done = self.command("backup", "--db", bad, self.path("of-bad"))
        self.tap.check(done.returncode == 4 and "damaged" in done.stderr and
                       not os.path.exists(self.path("of-bad")),
                       "a damaged database gives no copy, and a line", done)

    def killed(self, least=12):
        want = self.command("check", "--hash", "--db",
                            self.path("last")).stdout
        to, faults, kills = self.path("killed"), [], 0
        for call in CALLS:
            index, died = 1, True
            while died:
                if os.path.exists(to):
                    os.unlink(to)
                died = subprocess.run(
                    ["strace", "-f", "-qq", "-o", "/dev/null", "-e",
                     f"trace={call}", "-e",
                     f"inject={call}:signal=SIGKILL:when={index}",
                     self.program, "backup", "--db",
                     self.path("last"), to], capture_output=True,
                    check=False).returncode in (-9, 137)
                kills += died
                if os.path.exists(to) and self.command(
                        "check", "--hash", "--db", to).stdout != want:
                    faults.append(f"{call} {index}")
                # A page is a page: each of the first, then some.
                index += 1 if call != "pwrite64" or index < 10 else 9
        self.tap.check(not faults and kills > least,
                       f"a backup killed {kills} times left no copy or a "
                       "whole one", kills, *faults)


    def with_mutant(self, changes, what, words, part):
        def run(quiet):
            said, self.tap, self.program = self.tap, quiet, mutant.build(
                self.collector.folder, "accollect", changes)
            part()
            self.tap, self.program = said, self.collector.program

        for name in ("bad", "of-bad"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(name))
        mutant.noticed(self.tap, what, words, run)

    def mutants(self):
        self.with_mutant(NAMED_FIRST, "a copy under its last name",
                         "left no copy or a whole one",
                         lambda: self.killed(1))
        self.with_mutant(UNSEEN, "a copy that nobody looked at",
                         "gives no copy, and a line", self.damaged)


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        if not collector.start():
            raise AssertionError(collector.log().decode())
        test.beside_uploads()
        test.same_content()
        collector.stop()
        test.restored()
        test.damaged()
        test.killed()
        test.mutants()
        return test.tap.done()
    finally:
        collector.remove()


if __name__ == "__main__":
    sys.exit(main())
