#!/usr/bin/env python3
# Proves that a server, imports, vp add and prune that write one database at once lose nothing and starve nobody, while another user reads.
"""For SECONDS (15; 60 with STRICT) uploads come to accollect serve, and beside
it accollect import, vp add and prune run again and again; a process of another
user reads all the time. Then a ledger of what each was promised is held
against the rows. The same without the lock's fairness must starve somebody.
"""
import concurrent.futures
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from strict import STRICT  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SECONDS = 60 if STRICT else 15
SPOOL = "5a" * 16
DAY_US = 86400 * 10**6
NOW_US = time.time_ns() // 1000 // DAY_US * DAY_US
ROWS = 50
NOBODY = 65534
READER = """
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=0)
count = last = 0
print("reads", flush=True)
while True:
    batches, rows, sums = db.execute(
        "SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM "
        "measurement), (SELECT sum(rows) FROM batch WHERE pruned & 4 = 0)"
    ).fetchone()
    if rows != (sums or 0) or batches < last:
        print("wrong", batches, last, rows, sums, flush=True)
        sys.exit(1)
    last = batches
    count += 1
    print(count, flush=True)
"""


class Ledger:
    """What was promised, and what was not to be: name -> list."""

    def __init__(self):
        self.lock = threading.Lock()
        self.stored = {}  # (vp, number) -> sha256
        self.vps, self.pruned, self.turns = [], [], {}
        self.wrong = []

    def note(self, what, *wrong):
        with self.lock:
            self.turns[what] = self.turns.get(what, 0) + 1
            self.wrong += [(what, *wrong)] if wrong else []

    def promise(self, batch):
        with self.lock:
            self.stored[(batch.vp, batch.number)] = batch.sha256


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        # Another user may read, by the group or here by everybody.
        os.chmod(collector.folder, 0o755)
        self.ledger = Ledger()
        self.keys = {vp: Key(collector.folder, vp) for vp in ("up", "in")}
        for vp, key in self.keys.items():
            collector.add_vp(vp, key)

    def batch(self, vp, number, old=False):
        """Of today; or of last week, which prune takes the rows of."""
        t_us = NOW_US - 7 * DAY_US * old + number * 10**6
        records = [uploads.record(t_us + i * 1000, f"ams{number % 5}",
                                  target=f"t{i % 10}") for i in range(ROWS)]
        return Batch(self.keys[vp], vp, SPOOL, number, records, t_us)

    # --- the writers: each a turn ---

    def upload(self, number):
        batch = self.batch("up", number)
        begun = time.monotonic()
        status, body = self.collector.upload(batch)
        if status == 201 and batch.sha256.encode() in body:
            self.ledger.promise(batch)
            self.ledger.note("upload")
        else:
            self.ledger.note("upload", status, body,
                             time.monotonic() - begun)

    def bring(self, number):
        """Ten batches, some of last week."""
        batches = [self.batch("in", number * 10 + i, i % 2) for i in range(10)]
        paths = []
        for batch in batches:
            paths.append(os.path.join(self.collector.folder,
                                      f"in{batch.number}"))
            with open(paths[-1], "wb") as file:
                file.write(batch.file)
        done = self.collector.run("import", *paths, check=False)
        for batch, line in zip(batches, done.stdout.splitlines()):
            if ": stored: " in line:
                self.ledger.promise(batch)
        self.ledger.note("import", *(() if done.returncode == 0 and
                                     done.stdout.count(": stored: ") == 10
                                     else (done,)))

    def add_vp(self, number):
        name = f"vp{number}"
        done = self.collector.run("vp", "add", name, "--lat", "1", "--lon",
                                  "2", check=False)
        if done.returncode == 0:
            self.ledger.vps.append(name)
        self.ledger.note("vp add", *((done,) if done.returncode else ()))

    def prune(self, _):
        done = self.collector.run("prune", "--raw", "30", "--replies", "3",
                                  check=False)
        self.ledger.note("prune", *((done,) if done.returncode else ()))

    # --- all at once ---

    def repeat(self, turn, end):
        number = 0
        while time.monotonic() < end:
            number += 1
            turn(number)

    def read_meanwhile(self):
        words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                 "--clear-groups"] if os.geteuid() == 0 else []
        for path in (self.collector.db, self.collector.db + "-wal",
                     self.collector.db + "-shm"):
            if os.geteuid() == 0 and os.path.exists(path):
                os.chmod(path, 0o644)
        return subprocess.Popen(
            [*words, sys.executable, "-c", READER, self.collector.db],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self):
        self.collector.start()
        reader = self.read_meanwhile()
        end = time.monotonic() + SECONDS
        turns = (self.upload, self.bring, self.add_vp, self.prune)
        with concurrent.futures.ThreadPoolExecutor(len(turns)) as pool:
            said = [pool.submit(self.repeat, turn, end) for turn in turns]
            for one in said:
                one.result()
        alive = reader.poll() is None
        reader.terminate()
        lines = reader.communicate()[0].splitlines()
        self.tap.check(self.collector.stop() == 0, "the server ends cleanly",
                       self.collector.log()[-2000:])
        self.tap.note(f"{SECONDS} s: {self.ledger.turns}; the reader "
                      f"{len(lines)}")
        self.tap.check(not self.ledger.wrong and
                       min(self.ledger.turns.get(what, 0) for what in
                           ("upload", "import", "vp add", "prune")) >= 3,
                       "everybody's turn came, and each was said to be done",
                       self.ledger.turns, *self.ledger.wrong[:5])
        self.tap.check(alive and len(lines) > 10 and "wrong" not in
                       " ".join(lines[-3:]),
                       "another user read whole states throughout",
                       *lines[-5:])

    def compare(self):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.collector.db}?mode=ro", uri=True)) as db:
            stored = {(vp, number): sha for vp, number, sha in db.execute(
                "SELECT v.name, b.number, lower(hex(b.sha256)) FROM batch AS "
                "b JOIN vp AS v ON v.id = b.vp")}
            vps = {name for name, in db.execute("SELECT name FROM vp")}
            rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
        self.tap.check(
            self.ledger.stored.items() <= stored.items() and
            rows == ROWS * len(stored) and
            vps == {"up", "in", *self.ledger.vps},
            f"{len(self.ledger.stored)} receipts and {len(self.ledger.vps)} "
            "vantage points: all of it is there, once",
            len(stored), rows, set(self.ledger.stored) - set(stored))
        done = self.collector.run("check", check=False)
        self.tap.check(done.returncode == 0, "the store checks, and has what "
                       "the archive has", done.stdout, done.stderr)


LOCKS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "collector/store_lock.h"
#include "lib/times.h"

/* The child works for 20 ms at a time and lets go for as long as nothing. */
static void
work(int fd, struct mono end)
{
	const struct timespec piece = { .tv_nsec = 20000000 };

	while (mono_before(mono_now(), end) && store_lock_take(fd) == 0) {
		(void)nanosleep(&piece, NULL);
		store_lock_release(fd);
	}
	_exit(0);
}

int
main(int argc, char **argv)
{
	const struct mono end = mono_add(mono_now(), span_s(4));
	int64_t longest = 0, count = 0;
	int fd;

	if (argc < 2)
		return 2;
	if (fork() == 0)
		work(store_lock_open(argv[1]), end);
	fd = store_lock_open(argv[1]);
	(void)usleep(100000);
	while (mono_before(mono_now(), end)) {
		const struct mono begun = mono_now();
		int64_t us;

		if (store_lock_take(fd) == 0)
			store_lock_release(fd);
		us = span_to_us(mono_since(mono_now(), begun));
		longest = us > longest ? us : longest;
		count++;
		(void)usleep(1000);
	}
	(void)wait(NULL);
	printf("%lld %lld\n", (long long)count, (long long)longest / 1000);
	return 0;
}
"""


def locks(tap):
    """How often one gets the lock in four seconds beside another that takes
    it again at once; with the real source, and without the place."""
    folder = tempfile.mkdtemp(prefix=f"locks-{os.getpid()}-")
    try:
        path = os.path.join(uploads.ROOT, "collector/store_lock.c")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        unfair = text.replace("wait_for(try_place, fd, until) == -1", "0")
        assert unfair != text
        counts = []
        for name, source in (("fair", text), ("unfair", unfair)):
            for end, content in ((".c", source), ("_main.c", LOCKS)):
                with open(os.path.join(folder, name + end), "w",
                          encoding="utf-8") as file:
                    file.write(content)
            program = os.path.join(folder, name)
            subprocess.run(
                ["cc", "-D_GNU_SOURCE", "-I.", "-o", program, program + ".c",
                 program + "_main.c", f"{uploads.BUILD}/libac.a"],
                cwd=uploads.ROOT, check=True)
            best = (0, 0)
            for _ in range(2):
                done = subprocess.run(
                    [program, os.path.join(folder, "db")], check=True,
                    capture_output=True, text=True)
                count, longest = map(int, done.stdout.split())
                best = max(best, (count, -longest))
            counts.append(best)
        tap.note(f"times and longest wait in ms: fair {counts[0]}, "
                 f"unfair {counts[1]}")
        tap.check(counts[0][0] >= 20 and counts[1][0] < counts[0][0] // 2,
                  "whoever waits for the lock is next; without its place "
                  "it is not", counts)
    finally:
        shutil.rmtree(folder)


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        locks(test.tap)
        test.run()
        test.compare()
        return test.tap.done()
    finally:
        collector.remove()


if __name__ == "__main__":
    sys.exit(main())
