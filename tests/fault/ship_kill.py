#!/usr/bin/env python3
# Proves that of acship and accollect, each killed at any index of the calls that matter, no batch is lost, none stored twice, and none let go without being stored.
"""A spool gets three batches before every life. In one life accollect, in the
next acship runs under strace, which kills it at the index-th time of a call.
After every life whatever left the spool's queue must be in the database. The
same with an acship that lets a batch go before it is sent must fail.
"""
import contextlib
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

COLLECTOR_CALLS = ("pwrite64", "fdatasync", "sendmsg")
SHIP_CALLS = ("write", "fsync", "rename", "renameat", "unlink", "unlinkat",
              "sendto", "fdatasync", "link", "linkat")
BATCHES = 3  # before every life
RECEIPTS = 200
SHIP_S = 5  # acship waits and tries again: killed after that
SPOOL = "c2" * 16
START_US = 1700000000000000
LET_GO_FIRST = [("probe/ship_run.c", "	upload(run, &file, &answer);\n	next",
                 "	(void)spool_sent(run->spool, place);\n"
                 "	upload(run, &file, &answer);\n	next")]


class Street:
    """A spool, acship and a collector; made: number -> Batch."""

    def __init__(self, tap, collector, ship):
        self.tap, self.collector, self.ship = tap, collector, ship
        self.key = Key(collector.folder, "lon1")
        self.spool = os.path.join(collector.folder, "spool")
        os.mkdir(self.spool, 0o700)
        self.conf = os.path.join(collector.folder, "acprobe.conf")
        self.made = {}
        self.lost = set()  # left the queue and were not stored

    def fill(self):
        for _ in range(BATCHES):
            number = len(self.made) + 1
            t_us = START_US + number * 300000000
            batch = Batch(self.key, "lon1", SPOOL, number,
                          [uploads.record(t_us)], t_us)
            path = os.path.join(self.spool, f"{number:020d}.acb")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600),
                      "wb") as file:
                file.write(batch.file)
            self.made[number] = batch

    def configure(self):
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(f'vp = "lon1"\nkey = "{self.key.path}"\n'
                       f'spool = "{self.spool}"\nevery = "5m"\n'
                       f'collector = "https://localhost:{self.collector.port}"'
                       f'\nca = "{self.collector.certificate}"\n'
                       'target "test" { address = { "192.0.2.1" } }\n')

    def run_ship(self, *before):
        """The code; None where it went on trying for too long."""
        self.configure()
        self.process = subprocess.Popen(
            [*before, self.ship, "-f", self.conf], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        end = time.monotonic() + SHIP_S
        while self.process.poll() is None and time.monotonic() < end:
            if self.collector.process.poll() is not None:
                end = min(end, time.monotonic() + 0.1)
            time.sleep(0.01)
        code = self.process.poll()
        if code is None:
            os.killpg(self.process.pid, 9)
        _, self.said = self.process.communicate()
        return code

    def waiting(self):
        return {int(name[:-4]) for name in os.listdir(self.spool)
                if name.endswith(".acb")}

    def stored(self):
        with sqlite3.connect(f"file:{self.collector.db}?mode=ro",
                             uri=True) as db:
            return {n: (sha.hex(), rows) for n, sha, rows in
                    db.execute("SELECT number, sha256, rows FROM batch")}

    def look(self):
        """What has left the queue must be stored."""
        stored = self.stored()
        for number, batch in self.made.items():
            if number not in self.waiting() and \
                    stored.get(number) != (batch.sha256, 1):
                self.lost.add(number)


def strace(call, index):
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:signal=SIGKILL:when={index}"]


def end_collector(collector):
    """True where it was dead already."""
    dead = collector.process.poll() is not None
    if not dead:
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(collector.process.pid)],
            capture_output=True, text=True, check=False).stdout.split()
        for pid in children or [str(collector.process.pid)]:
            with contextlib.suppress(ProcessLookupError):  # it was dying
                os.kill(int(pid), 9)
        collector.process.wait(30)
    collector.process = None
    return dead


def kill_collector(street, call, index):
    street.fill()
    if street.collector.start(*strace(call, index)):
        street.run_ship()
        time.sleep(0.02)
    dead = end_collector(street.collector)
    street.look()
    return dead


def kill_ship(street, call, index):
    street.fill()
    code = street.run_ship(*strace(call, index))
    street.look()
    return code is not None and (code < 0 or code > 128)


def run_calls(street, kill, calls):
    """Each index of each call until two lives survive: kills by call."""
    kills = {}
    for call in calls:
        kills[call], index, survived = 0, 1, 0
        while survived < 2:
            if kill(street, call, index):
                kills[call] += 1
            else:
                survived += 1
            index += 1
    return kills


def check_end(tap, street):
    stored, made = street.stored(), street.made
    tap.check(not street.lost, "nothing left the spool before it was stored",
              street.lost)
    tap.check({n: b.sha256 for n, b in made.items()} ==
              {n: sha for n, (sha, _) in stored.items()},
              f"in the end all {len(made)} batches are stored, each once",
              set(made) ^ set(stored))
    with sqlite3.connect(f"file:{street.collector.db}?mode=ro",
                         uri=True) as db:
        rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
    tap.check(rows == len(made), "and every row", rows)
    rejected = os.path.join(street.spool, "rejected")
    tap.check(not os.path.isdir(rejected) or not os.listdir(rejected),
              "none was rejected")


def run(tap, street):
    street.collector.add_vp("lon1", street.key)
    of_collector = run_calls(street, kill_collector, COLLECTOR_CALLS)
    street.collector.start()
    of_ship = run_calls(street, kill_ship, SHIP_CALLS)
    tap.note(f"accollect killed at {of_collector}, acship at {of_ship}")
    while len(street.made) < RECEIPTS:
        street.fill()
    codes = [street.run_ship() for _ in range(3)]
    tap.check(codes[-1] == 0 and not street.waiting(),
              "acship ends with an empty queue and 0", codes, street.said)
    tap.check(street.collector.stop() == 0, "accollect stops cleanly")
    tap.check(sum(of_collector.values()) > 20 and sum(of_ship.values()) > 8,
              f"{sum(of_collector.values())} and {sum(of_ship.values())} "
              "times a program was killed")
    check_end(tap, street)


def lives_of(tap, ship):
    """Some lives of acship that end while it sends."""
    collector = uploads.Collector().make()
    try:
        street = Street(tap, collector, ship)
        collector.add_vp("lon1", street.key)
        collector.start()
        for index in range(1, 4):
            kill_ship(street, "sendto", index)
        tap.check(not street.lost, "nothing left the spool before it was "
                  "stored", street.lost)
    finally:
        collector.remove()


def check_mutant(tap, ship):
    with tempfile.TemporaryDirectory(
            prefix=f"ship-kill-{os.getpid()}-") as folder:
        program = mutant.build(folder, "acship", LET_GO_FIRST)
        mutant.noticed(tap, "an acship that lets go before it sends",
                       "nothing left the spool",
                       lambda quiet: lives_of(quiet, program))
    control = mutant.Quiet()
    lives_of(control, ship)
    tap.check(not control.faults, "the same lives of acship itself lose none")


def main():
    tap = uploads.Tap()
    if shutil.which("strace") is None:
        tap.skip("no batch is lost", "strace is missing")
        return tap.done()
    ship = os.environ.get("ACSHIP") or os.path.join(uploads.BUILD, "acship")
    collector = uploads.Collector()
    for program in (ship, collector.program):
        if not os.path.exists(program):
            tap.check(False, f"{program} is built")
            return tap.done()
    try:
        collector.make()
        run(tap, Street(tap, collector, ship))
        check_mutant(tap, ship)
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
