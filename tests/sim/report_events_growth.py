#!/usr/bin/env python3
# Proves that events of four times as many vantage points take about four times as long, where all their sites tie, or are all lost to one.
"""Processor time in user mode, the least of several tries: a machine that does
other things too makes a try longer, and none shorter."""

import csv
import io
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
# pylint: disable=wrong-import-position
from report_oracle import SECOND, START, stamp
from report_oracle_store import Batch, Record, make
from taps import Tap

B = os.environ.get("B") or "build"
FEW, MANY, TRIES = 1000, 4000, 4
MOST = 10  # times as long; what grows with the square takes 16, the cube 64
ROUNDS, EVERY = 6, 300 * SECOND
SPREAD = 97  # moments at which they change, a millisecond apart


def renamed(i, later):
    """Every vantage point sees a site of its own, which gets another name."""
    return f"{'ba'[not later]}{i:05}"


def lost(i, later):
    """Two at each site; all go to one that two others see all the time."""
    return "hub" if later or i < 2 else f"s{i // 2:05}"


def build(path, count, site):
    make(path, [Batch(f"vp{i:05}", [
        Record(START + k * EVERY + i % SPREAD * SECOND // 1000, "svc",
               "192.0.2.1", "soa", rcode=0, rtt_us=10000,
               name=("nsid", site(i, 2 * k >= ROUNDS).encode()))
        for k in range(ROUNDS)], EVERY // SECOND)
        for i in range(count)], [], 1)


def user_s():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def report(path):
    """Its rows, and how long it took."""
    before = user_s()
    said = subprocess.run(
        [f"{B}/acreport", "events", "--db", path, "--format", "csv",
         "--since", stamp(START), "--until", stamp(START + ROUNDS * EVERY)],
        capture_output=True, check=True)
    took = user_s() - before
    return list(csv.DictReader(io.StringIO(said.stdout.decode()))), took


def grows(tap, folder, site, kinds):
    took, wrong = {}, []
    for count in (FEW, MANY):
        path = os.path.join(folder, f"{site.__name__}.{count}")
        build(path, count, site)
        tries = [report(path) for _ in range(TRIES)]
        took[count] = min(one for _, one in tries)
        rows = tries[0][0]
        have = {kind: sum(row["kind"] == kind for row in rows)
                for kind in {row["kind"] for row in rows}}
        if have != kinds(count):
            wrong.append((count, have))
    tap.ok(not wrong, f"{site.__name__}: the events are those of the script",
           wrong)
    tap.ok(took[MANY] < MOST * took[FEW],
           f"{site.__name__}: {FEW} vantage points {took[FEW]:.3f} s, {MANY} "
           f"{took[MANY]:.3f} s, less than {MOST} times as long")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        grows(tap, folder, renamed, lambda count: {"site lost": count})
        grows(tap, folder, lost, lambda count: {"site lost": count // 2 - 1})
    tap.done()


if __name__ == "__main__":
    main()
