#!/usr/bin/env python3
# Proves that a collector whose clock is a day wrong, either way, drops and changes nothing, shows it, and ends with the database of one whose clock was right.
"""The clock is moved by a preload. Each collector gets the same batches, half
of them before its clock is set right; what the rows say must be the same."""
import contextlib
import os
import random
import re
import sqlite3
import sys
import tempfile
import time
import urllib.request

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "lib")]
import clocks  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

DAY = 86400
BATCHES = 24
RECORDS = 20
SEED = 23


def make_batches(key, now_us):
    """Of the last six hours and of this one; in no order."""
    batches = []
    for number in range(1, BATCHES + 1):
        t_us = now_us - (BATCHES - number) * 900_000_000
        records = [uploads.record(t_us + i * 1_000_000,
                                  "ams1" if number % 5 else "lhr1",
                                  rtt_us=1000 * number + i)
                   for i in range(RECORDS)]
        batches.append(uploads.Batch(key, "lon1", "ab" * 16, number, records,
                                     t_us))
    random.Random(SEED).shuffle(batches)
    return batches


class Clock:
    def __init__(self, tap, folder, key, program=None):
        self.tap = tap
        os.mkdir(folder)
        self.shift = clocks.Shift(folder)
        os.mkdir(os.path.join(folder, "collector"))
        self.collector = uploads.Collector(
            program, folder=os.path.join(folder, "collector")).make(
                'metrics = "127.0.0.1:0"\n')
        self.collector.add_vp("lon1", key)

    def serve(self, seconds):
        self.shift.set(seconds)
        return self.collector.start(*self.shift.words())

    def upload(self, batches):
        return {self.collector.upload(batch)[0] for batch in batches}

    def lag(self):
        port = re.findall(rb"metrics on 127.0.0.1:(\d+)",
                          self.collector.log())[-1].decode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics",
                                    timeout=20) as page:
            found = re.search(r'vp_lag_seconds{vp="lon1"} (\S+)',
                              page.read().decode())
            return float(found.group(1) if found else "inf")

    def rows(self):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.collector.db}?mode=ro", uri=True)) as db:
            return (db.execute("SELECT count(*), count(DISTINCT time) FROM"
                               " v_record").fetchone(),
                    db.execute("SELECT number, t0, received FROM batch"
                               " ORDER BY number").fetchall())

    def hash(self):
        return self.collector.run("check", "--hash").stdout


def one(tap, folder, key, batches, seconds, program=None):
    clock = Clock(tap, folder, key, program)
    half = len(batches) // 2
    name = f"{seconds // DAY:+d} d"
    try:
        tap.check(clock.serve(seconds), f"{name}: it serves",
                  clock.collector.log())
        codes = clock.upload(batches[:half])
        lag = clock.lag()
        clock.collector.stop()
        clock.serve(0)
        codes |= clock.upload(batches[half:]) | clock.upload(batches[:3])
        clock.collector.stop()
    finally:
        clock.collector.stop()
    (count, times), rows = clock.rows()
    tap.check(codes == {200, 201} and count == times == BATCHES * RECORDS,
              f"{name}: nothing is refused or dropped", codes, count)
    tap.check(abs(lag - seconds) < 7 * 3600,
              f"{name}: the lag that monitors see shows it", lag)
    first = {b.number for b in batches[:half]}
    tap.check(all(abs(received / 1e6 - time.time() -
                      (seconds if number in first else 0)) < 3600
                  for number, _, received in rows),
              f"{name}: when it came is kept beside when it was measured",
              rows[:3])
    return clock.hash()


BATCH = "collector/store_batch.c"
# A step that is taken out; which way the clock is wrong; what must be false.
MUTANTS = (
    ("a collector that takes nothing from its future", BATCH,
     "	if (t1 - t0 > LIMIT_BATCH_SPAN_US)\n",
     "	if (t1 - t0 > LIMIT_BATCH_SPAN_US ||"
     " t1 > wall_to_us(wall_now()) + 600000000)\n",
     -DAY, "nothing is refused"),
    ("a collector that takes nothing old", BATCH,
     "	if (t1 - t0 > LIMIT_BATCH_SPAN_US)\n",
     "	if (t1 - t0 > LIMIT_BATCH_SPAN_US ||"
     " t1 < wall_to_us(wall_now()) - 50000000000)\n", DAY, "nothing is refused"),
    ("a collector that corrects times by its own clock", BATCH,
     "	query_int(&q, t0);\n	query_int(&q, t1);\n"
     "	query_int(&q, a->first_row);",
     "	query_int(&q, t0 / HOUR_US * HOUR_US);\n	query_int(&q, t1);\n"
     "	query_int(&q, a->first_row);", DAY, "all hold the same"),
    ("a collector that forgets when a batch came", BATCH,
     "	query_int(&q, wall_to_us(wall_now()));\n",
     "	query_int(&q, t1);\n", DAY, "when it came"),
    ("a lag that is never shown", "collector/metrics.c",
     "const int64_t us = now - query_column_int(&q, 1);",
     "const int64_t us = now - now;", DAY, "the lag"),
)


def mutants(tap, folder, key, batches, right):
    """right is what all the others hold."""
    for i, (what, source, old, new, seconds, words) in enumerate(MUTANTS):
        own = os.path.join(folder, f"mutant{i}")
        os.mkdir(own)
        program = mutant.build(own, "accollect", [(source, old, new)])

        def part(quiet):
            hashed = one(quiet, os.path.join(own, "clock"), key, batches,
                         seconds, program)
            quiet.check(hashed == right, "all hold the same")

        mutant.noticed(tap, what, words, part)


def main():
    tap = uploads.Tap()
    print(f"# seed {SEED}")
    with tempfile.TemporaryDirectory(
            prefix=f"listen-clock-{os.getpid()}-") as folder:
        key = uploads.Key(folder, "lon1")
        batches = make_batches(key, int(time.time() - 60) * 1_000_000)
        hashes = [one(tap, os.path.join(folder, str(i)), key, batches,
                      seconds) for i, seconds in enumerate((0, DAY, -DAY))]
        tap.check(len(set(hashes)) == 1 and hashes[0].strip() != "",
                  "all three hold the same", hashes)
        mutants(tap, folder, key, batches, hashes[0])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
