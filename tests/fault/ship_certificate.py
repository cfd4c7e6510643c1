#!/usr/bin/env python3
# Proves that acship gives nothing to a collector whose certificate is out of date, not valid yet, of another host or of nobody it trusts, keeps all, says why, and delivers once it is right.
"""The host's clock is moved by a preload; the certificate is valid for two
days. The same with an acship that does not check must be noticed."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "lib")]
import clocks  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

COUNT = 5
DAY = 86400
ACSHIP = os.environ.get("ACSHIP") or os.path.join(uploads.BUILD, "acship")


class Certificates:
    def __init__(self, tap, folder):
        self.tap, self.folder = tap, folder
        self.spool = os.path.join(folder, "spool")
        self.conf = os.path.join(folder, "acprobe.conf")
        self.shift = clocks.Shift(folder)
        os.mkdir(os.path.join(folder, "collector"))
        self.collector = uploads.Collector(
            folder=os.path.join(folder, "collector")).make()
        self.key = uploads.Key(folder, "lon1")
        self.collector.add_vp("lon1", self.key)
        os.mkdir(self.spool, 0o700)
        now_us = int(time.time()) * 1000000
        for number in range(1, COUNT + 1):
            t_us = now_us - (COUNT + 1 - number) * 300000000
            batch = uploads.Batch(
                self.key, "lon1", "ab" * 16, number,
                [uploads.record(t_us + 1000)], t_us)
            path = os.path.join(self.spool, f"{number:020d}.acb")
            with open(path, "wb") as file:
                file.write(batch.file)
            os.chmod(path, 0o600)

    def configure(self, host="localhost", ca=None):
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(
                f'vp = "lon1"\nkey = "{self.key.path}"\n'
                f'spool = "{self.spool}"\nevery = "5m"\n'
                f'collector = "https://{host}:{self.collector.port}"\n'
                f'ca = "{ca or self.collector.certificate}"\n'
                'target "test" { address = { "192.0.2.1" } }\n')

    def ship(self, seconds=0, program=ACSHIP, wait_s=60):
        """What it says; it is ended where it goes on trying."""
        self.shift.set(seconds)
        process = subprocess.Popen(
            [program, "-f", self.conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=os.environ | self.shift.environment)
        try:
            said = process.communicate(timeout=wait_s)[1]
        except subprocess.TimeoutExpired:
            process.terminate()
            said = process.communicate()[1]
        return process.returncode, said

    def kept(self):
        return sum(name.endswith(".acb") for name in os.listdir(self.spool))

    def stored(self):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.collector.db}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM batch").fetchone()[0]

    def refused(self, what, code, said, *words):
        self.tap.check(
            code != 0 and self.kept() == COUNT and self.stored() == 0 and
            "certificate" in said and all(word in said for word in words),
            f"{what}: all is kept, and acship says why", code, said,
            self.kept(), self.stored())


def year_of(seconds):
    return time.strftime("says %Y-%m-%d", time.gmtime(time.time() + seconds))


def run(tap, folder):
    c = Certificates(tap, folder)
    other = uploads.Collector(folder=os.path.join(folder, "other"))
    os.mkdir(other.folder)
    other.make()
    try:
        tap.check(c.collector.start(), "it serves", c.collector.log())
        c.configure()
        for what, seconds in (("out of date", 40 * DAY),
                              ("not valid yet", -40 * DAY)):
            code, said = c.ship(seconds)
            c.refused(what, code, said, year_of(seconds))
        c.configure(host="elsewhere.localhost")
        c.refused("of another host", *c.ship())
        c.configure(ca=other.certificate)
        c.refused("of nobody it trusts", *c.ship())
        c.configure()
        code, said = c.ship()
        tap.check(code == 0 and c.kept() == 0 and c.stored() == COUNT,
                  "once it is right each batch is delivered", code, said,
                  c.kept(), c.stored())
    finally:
        c.collector.stop()


def check_mutant(tap, folder):
    c = Certificates(tap, folder)
    program = mutant.build(folder, "acship", [
        ("probe/ship.c", "CURLOPT_SSL_VERIFYPEER, 1L",
         "CURLOPT_SSL_VERIFYPEER, 0L")])
    try:
        c.collector.start()
        c.configure()
        c.ship(40 * DAY, program)
        tap.check(c.stored() == COUNT, "an acship that does not check would "
                  "be noticed", c.stored())
    finally:
        c.collector.stop()


def main():
    tap = uploads.Tap()
    with tempfile.TemporaryDirectory(
            prefix=f"ship-certificate-{os.getpid()}-") as folder:
        for part, name in ((run, "real"), (check_mutant, "mutant")):
            os.mkdir(os.path.join(folder, name))
            part(tap, os.path.join(folder, name))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
