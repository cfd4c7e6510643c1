#!/usr/bin/env python3
# Proves that after a week without a collector, 2,016 rounds later, acship delivers every batch, oldest first, and that what is measured meanwhile goes too.
"""The spool gets a week's batches. While there is no collector acship runs now
and then and must keep them all; then there is one, and a ledger of the batches
is held against the rows. The same with an acship that takes a collector that
does not answer for a receipt must fail.
"""
import contextlib
import glob
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "lib")]
import built  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

ROUNDS = 7 * 288
RECORDS = 60
DRAIN_S = 3600
ACSHIP = os.environ.get("ACSHIP") or os.path.join(uploads.BUILD, "acship")


class Week:
    def __init__(self, tap, folder):
        self.tap, self.folder = tap, folder
        self.made = os.path.join(folder, "made")
        self.spool = os.path.join(folder, "spool")
        self.conf = os.path.join(folder, "acprobe.conf")
        os.mkdir(self.made)
        program = built.made("tests/bench/batches")
        subprocess.run([program, self.made, "1", str(ROUNDS + 1),
                        str(RECORDS)], check=True)
        self.files = sorted(glob.glob(f"{self.made}/*.acbatch"))
        self.key = uploads.Key(folder, "spare")  # nothing is signed anew
        self.made_sha = {}
        for number, path in enumerate(self.files, 1):
            with open(path, "rb") as file:
                words = file.readline().split()
            assert int(words[5]) == number
            self.made_sha[number] = words[8].decode()

    def fill(self, first, last):
        os.makedirs(self.spool, 0o700, exist_ok=True)
        for number in range(first, last + 1):
            path = os.path.join(self.spool, f"{number:020d}.acb")
            shutil.copy(self.files[number - 1], path)
            os.chmod(path, 0o600)

    def waiting(self):
        return sum(name.endswith(".acb") for name in os.listdir(self.spool))

    def configure(self, port, certificate):
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(f'vp = "vp0"\nkey = "{self.key.path}"\n'
                       f'spool = "{self.spool}"\nevery = "5m"\n'
                       f'collector = "https://localhost:{port}"\n'
                       f'ca = "{certificate}"\n'
                       'target "test" { address = { "192.0.2.1" } }\n')

    def ship(self, program=ACSHIP, seconds=3):
        """The code; None where it was ended, still trying."""
        process = subprocess.Popen(
            [program, "-f", self.conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            return None


def without(week, program):
    """How many wait after a look or two at nobody."""
    week.configure(1, os.path.join(week.folder, "none.pem"))
    shutil.copy(week.certificate, os.path.join(week.folder, "none.pem"))
    for _ in range(2):
        week.ship(program)
    return week.waiting()


def drain(week, collector):
    begun = time.monotonic()
    week.configure(collector.port, collector.certificate)
    process = subprocess.Popen(
        [ACSHIP, "-f", week.conf], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while week.waiting() > ROUNDS // 2 and process.poll() is None:
        time.sleep(0.01)
    week.fill(ROUNDS + 1, ROUNDS + 1)  # a round meanwhile
    said = process.communicate()[1]
    took = time.monotonic() - begun
    codes = [process.returncode] + [week.ship(seconds=30)
                                    for _ in range(2 * (week.waiting() > 0))]
    week.tap.check(codes[-1] == 0 and week.waiting() == 0 and took < DRAIN_S,
                   f"the queue is empty after {took:.0f} s", codes, said[-500:],
                   week.waiting())


def compare(week, collector):
    with uploads_db(collector) as db:
        rows = db.execute("SELECT number, lower(hex(sha256)), rows FROM batch "
                          "ORDER BY id").fetchall()
        count = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
    week.tap.check({n: sha for n, sha, _ in rows} == week.made_sha and
                   len(rows) == len(week.made_sha) and
                   count == RECORDS * len(rows) and
                   all(r == RECORDS for _, _, r in rows),
                   f"each of {len(rows)} batches and its rows is there once",
                   len(rows), count)
    numbers = [n for n, _, _ in rows if n <= ROUNDS]
    week.tap.check(numbers == sorted(numbers), "the oldest came first")


def uploads_db(collector):
    return contextlib.closing(sqlite3.connect(
        f"file:{collector.db}?mode=ro", uri=True))


def main():
    tap = uploads.Tap()
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix=f"ship-week-{os.getpid()}-", dir=shm)
    os.mkdir(os.path.join(folder, "collector"))
    collector = uploads.Collector(folder=os.path.join(folder, "collector"))
    try:
        collector.make()
        week = Week(tap, folder)
        week.certificate = collector.certificate
        collector.run("vp", "add", "vp0", "--key",
                      os.path.join(week.made, "vp0.pub"))
        week.fill(1, ROUNDS)
        program = mutant.build(folder, "acship", [
            ("probe/ship.c", ".verdict = SHIP_UNREACHED };",
             ".verdict = SHIP_STORED };")])
        left = without(week, ACSHIP)
        tap.check(left == ROUNDS, f"without a collector all {left} are kept")
        kept = week.spool
        week.spool += "-mutant"
        week.fill(1, 20)
        tap.check(without(week, program) < 20, "an acship that takes silence "
                  "for a receipt is noticed", week.waiting())
        week.spool = kept
        collector.start()
        drain(week, collector)
        collector.stop()
        compare(week, collector)
        return tap.done()
    finally:
        collector.remove()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
