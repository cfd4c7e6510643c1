#!/usr/bin/env python3
# Proves that a collector whose disk is full says so with 507, loses nothing, and goes on by itself once there is room.
"""The same with collectors that take a failed transaction for a good one, or a
full disk for a fault of their own, must fail."""
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

SPOOL = "f0" * 16
START_US = 1700000000000000
ROWS = 200
STEPS = (
    ("a failed transaction for a good one", "collector/store.c",
     "		result = store_run(s, STATEMENT_COMMIT);\n"
     "	if (result != STORE_OK) {",
     "		result = store_run(s, STATEMENT_COMMIT);\n"
     "	if (result != STORE_OK) { store_rollback(s); return STORE_OK;"),
    ("a full disk for a poisoned batch", "collector/ingest.c",
     '{ "disk full", 507 }', '{ "disk full", 422 }'),
)


def batch(key, number):
    """About 150 kB: blocks that are not compressed."""
    t_us = START_US + number * 300000000
    return Batch(key, "lon1", SPOOL, number,
                 [uploads.record(t_us + i, f"site-{number}-{i}")
                  for i in range(ROWS)], t_us)


def answer(collector, data):
    with collector.connect() as s:
        try:
            s.sendall(data)
        except OSError:
            pass
        return uploads.read_whole_answer(s)


def fill(collector, key):
    """Upload until one is refused: (stored, the refusal)."""
    stored = []
    for number in range(1, 200):
        status, headers, body = answer(collector,
                                       batch(key, number).request())
        if status != 201:
            return stored, (status, headers, body)
        stored.append(number)
    return stored, None


def check(tap, collector, folder, keys):
    collector.make()
    key = Key(keys, "lon1")
    collector.add_vp("lon1", key)
    subprocess.run(["mount", "-o", "remount,size=3m", folder], check=True)
    if not tap.check(collector.start(), "the collector listens",
                     collector.log()):
        return
    stored, refused = fill(collector, key)
    tap.check(refused is not None and refused[0] == 507 and len(stored) > 0,
              f"after {len(stored)} batches the disk is full: 507", refused)
    after = int(refused[1].get("retry-after", 0)) if refused else 0
    tap.check(1 <= after <= 600, "and says when to come back", after)
    number = len(stored) + 1
    statuses = {answer(collector, batch(key, number).request())[0]
                for _ in range(5)}
    tap.check(statuses <= {507}, "as often as one asks", statuses)
    status, body = collector.upload(batch(key, 1))
    tap.check(status == 200, "what is stored is still receipted", status, body)
    subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
    status, body = collector.upload(batch(key, number))
    tap.check(status == 201, "with room again the same batch is stored",
              status, body, collector.log()[-500:])
    tap.check(collector.stop() == 0, "the collector stops cleanly")
    with sqlite3.connect(f"file:{collector.db}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
        sound = db.execute("PRAGMA integrity_check").fetchone()[0]
    tap.check((rows, sound) == (ROWS * number, "ok"),
              "every row is there once, and the database is sound", rows,
              sound)


def on_small_disk(tap, folder, program=None):
    """check() on a tmpfs of its own."""
    os.mkdir(folder, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder],
                   check=True)
    collector = uploads.Collector(program, folder)
    try:
        with tempfile.TemporaryDirectory() as keys:
            check(tap, collector, folder, keys)
    finally:
        collector.stop()
        subprocess.run(["umount", "-l", folder], check=False)
        os.rmdir(folder)


def check_mutants(tap, folder):
    for what, source, old, new in STEPS:
        with tempfile.TemporaryDirectory() as place:
            program = mutant.build(place, "accollect", [(source, old, new)])
            quiet = mutant.Quiet()
            on_small_disk(quiet, folder, program)
        tap.check(quiet.faults and "the collector listens" not in
                  quiet.faults, f"a collector that takes {what} is noticed",
                  quiet.faults)


def main():
    tap = uploads.Tap()
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        tap.skip("a full disk", "needs root and unshare")
        return tap.done()
    if "LISTEN_FULL" not in os.environ:
        os.environ["LISTEN_FULL"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    folder = f"/tmp/full-{os.getpid()}"
    on_small_disk(tap, folder)
    check_mutants(tap, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
