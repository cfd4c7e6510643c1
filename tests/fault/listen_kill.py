#!/usr/bin/env python3
# Proves that a collector killed at any write, flush or send loses no batch that it has receipted and stores none twice.
"""For each system call and each index: accollect runs under strace, which
kills it (SIGKILL) as it enters that call for the index-th time after it
listens; a client uploads until then, notes every receipt, and comes back to
the next life with the batch that it has no receipt for. In the end the ledger
of receipts is held against the database. The same with a collector that
answers before it commits must fail.
"""
import contextlib
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

CALLS = ("pwrite64", "fdatasync", "fsync", "write", "sendto", "sendmsg",
         "ftruncate", "rename", "unlink", "mmap", "close")
SAMPLED = ("mmap", "close")  # too many to be killed at each
UPLOADS = 3  # receipts after which a life was survived
RECEIPTS = 200
SPOOL = "b1" * 16
START_US = 1700000000000000
ROWS = 5
# Each job is answered for as soon as it is read, and then stored.
ANSWERED_FIRST = [
    ("collector/pipeline.c", """	store_jobs(p, group, count);
	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < count; i++) {
		p->parsed_bytes -= job_memory(group[i]);
		give_back(p, group[i]);
	}
""", """	struct pipeline_job *copies[GROUP_JOBS];
	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < count; i++) {
		p->parsed_bytes -= job_memory(group[i]);
		copies[i] = malloc(sizeof(**copies));
		*copies[i] = *group[i];
		group[i]->file = NULL;
		memset(&group[i]->ingest.items, 0, sizeof(struct items));
		give_back(p, group[i]);
	}
	(void)pthread_mutex_unlock(&p->lock);
	(void)usleep(20000);
	store_jobs(p, copies, count);
	(void)pthread_mutex_lock(&p->lock);
""")]


class Client:
    """Uploads batches 1, 2, 3 ... and goes on only with a receipt."""

    def __init__(self, collector, key):
        self.collector, self.key = collector, key
        self.ledger = {}  # number: SHA-256 of what was receipted
        self.twice = 0  # receipts of what an earlier life had stored
        self.waiting = None

    def next_batch(self):
        if self.waiting is None:
            number = len(self.ledger) + 1
            t_us = START_US + number * 300000000
            self.waiting = Batch(
                self.key, "lon1", SPOOL, number,
                [uploads.record(t_us + i, f"ams{i}") for i in range(ROWS)],
                t_us)
        return self.waiting

    def upload(self):
        """True with a receipt. Anything but a receipt or silence is wrong."""
        batch = self.next_batch()
        try:
            status, body = self.collector.upload(batch)
        except OSError:
            return False
        if status is None:
            return False
        if status not in (200, 201) or batch.sha256.encode() not in body:
            raise AssertionError(f"batch {batch.number}: {status} {body!r}")
        self.twice += status == 200
        self.ledger[batch.number] = batch.sha256
        self.waiting = None
        return True


def run_life(collector, client, call, index):
    """True where the collector was killed."""
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e",
              f"trace={call}", "-e",
              f"inject={call}:signal=SIGKILL:when={index}"]
    if collector.start(*strace):
        for _ in range(UPLOADS):
            if not client.upload():
                break
    if collector.process.poll() is None:
        if client.waiting is None:
            kill_traced(collector)
            return False
        # It has not answered: it is dying, or the test hangs here.
    collector.process.wait(30)
    collector.process = None
    return True


def kill_traced(collector):
    """End the collector by its own id: strace's death would not end it."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(collector.process.pid)],
        capture_output=True, text=True, check=False).stdout.split()
    for pid in children:
        with contextlib.suppress(ProcessLookupError):  # it was dying
            os.kill(int(pid), 9)
    collector.process.wait(30)
    collector.process = None


def run_call(collector, client, call):
    """Each index until two lives survive; how often it was killed."""
    kills, index, survived = 0, 1, 0
    while survived < 2:
        if run_life(collector, client, call, index):
            kills += 1
        else:
            survived += 1
        index += 7 if call in SAMPLED else 1
    return kills


def check_ledger(tap, collector, client):
    with sqlite3.connect(f"file:{collector.db}?mode=ro", uri=True) as db:
        stored = {number: (sha256.hex(), rows, first) for number, sha256, rows,
                  first in db.execute(
                      "SELECT number, sha256, rows, first_row FROM batch")}
        rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
        sound = db.execute("PRAGMA integrity_check").fetchone()[0]
    lost = [n for n, sha in client.ledger.items()
            if n not in stored or stored[n][0] != sha]
    tap.check(not lost, f"none of {len(client.ledger)} receipted batches is "
              "lost", lost)
    extra = set(stored) - set(client.ledger)
    tap.check(not extra, "nothing is stored that has no receipt in the end",
              extra)
    tap.check(rows == ROWS * len(stored) and
              all(row[1] == ROWS for row in stored.values()),
              "every row is there exactly once", rows)
    tap.check(sound == "ok", "the database is sound", sound)


def check_content(tap, collector, client):
    """The same batches without a kill give the same content."""
    content = collector.run("check", "--hash").stdout
    calm = uploads.Collector().make()
    try:
        calm.add_vp("lon1", client.key)
        calm.start()
        fresh = Client(calm, client.key)
        while len(fresh.ledger) < len(client.ledger) and fresh.upload():
            pass
        calm.stop()
        tap.check(calm.run("check", "--hash").stdout == content != "",
                  "a collector that was never killed has the same content",
                  content)
    finally:
        calm.remove()


def lives_of(tap, program):
    """Some lives that end in the middle of a transaction."""
    collector = uploads.Collector(program).make()
    try:
        key = Key(collector.folder, "lon1")
        collector.add_vp("lon1", key)
        client = Client(collector, key)
        for index in range(1, 20, 3):
            run_life(collector, client, "pwrite64", index)
        check_ledger(tap, collector, client)
    finally:
        collector.remove()


def check_mutant(tap):
    with tempfile.TemporaryDirectory(
            prefix=f"listen-kill-{os.getpid()}-") as folder:
        program = mutant.build(folder, "accollect", ANSWERED_FIRST)
        mutant.noticed(tap, "a receipt before the commit", "batches is lost",
                       lambda quiet: lives_of(quiet, program))


def main():
    tap = uploads.Tap()
    collector = uploads.Collector()
    if shutil.which("strace") is None:
        tap.skip("no receipted batch is lost", "strace is missing")
        return tap.done()
    if not os.path.exists(collector.program):
        tap.check(False, f"{collector.program} is built")
        return tap.done()
    try:
        collector.make()
        key = Key(collector.folder, "lon1")
        collector.add_vp("lon1", key)
        client = Client(collector, key)
        kills = {call: run_call(collector, client, call) for call in CALLS}
        tap.note("killed at " + ", ".join(f"{call} {count}x" for call, count
                                          in kills.items()))
        collector.start()
        while client.waiting or len(client.ledger) < RECEIPTS:
            if not client.upload():
                break
        collector.stop()
        tap.note(f"{client.twice} batches were stored before their first "
                 "receipt was lost")
        tap.check(sum(kills.values()) >= 50 and
                  min(kills[c] for c in ("pwrite64", "fdatasync", "write")) > 3
                  and kills["sendto"] + kills["sendmsg"] > 3,
                  f"the collector was killed {sum(kills.values())} times",
                  kills)
        tap.check(len(client.ledger) >= RECEIPTS,
                  f"the ledger has at least {RECEIPTS} receipts",
                  len(client.ledger), collector.log()[-600:])
        check_ledger(tap, collector, client)
        check_content(tap, collector, client)
        check_mutant(tap)
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
