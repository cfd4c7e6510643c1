#!/usr/bin/env python3
# Proves that another user reads the store with acreport while accollect serves, between uploads, after it stopped and after it was killed.
import csv
import io
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

NOBODY, GROUP = 65534, 4242  # the group that may read the store
SPOOL = "a" * 32


class Reader:
    """Another user, who is in the group of the store and owns nothing."""

    def __init__(self, collector):
        self.collector = collector
        self.program = os.path.join(collector.folder, "acreport")
        shutil.copy(os.path.join(uploads.BUILD, "acreport"), self.program)
        os.chmod(self.program, 0o755)
        os.chmod(collector.folder, 0o2750)
        for path in (collector.folder, *(
                os.path.join(collector.folder, name)
                for name in os.listdir(collector.folder)
                if name.startswith("anycast.db"))):
            os.chown(path, 0, GROUP)

    def rows(self):
        done = subprocess.run(
            [self.program, "records", "--db", self.collector.db, "--since",
             "2026-01-01", "--until", "2026-12-31", "--format", "csv"],
            user=NOBODY, group=GROUP, extra_groups=[], text=True,
            capture_output=True, check=False, cwd="/")
        if done.returncode != 0:
            return done.stderr
        return len(list(csv.DictReader(io.StringIO(done.stdout))))


def run(tap, collector):
    key = uploads.Key(collector.folder, "vp1")
    collector.add_vp("vp1", key)
    reader = Reader(collector)
    start = 1767600000 * 1000000  # 2026-01-05

    def upload(number):
        at = start + number * 300 * 1000000
        batch = uploads.Batch(key, "vp1", SPOOL, number, round_us=at, records=[
            uploads.record(at + i) for i in range(10)])
        return collector.upload(batch)[0]

    tap.check(reader.rows() == 0, "before the server ever ran", reader.rows())
    tap.check(collector.start(), "it serves", collector.log())
    tap.check(reader.rows() == 0, "while it serves an empty store",
              reader.rows())
    wrong = []
    for number in range(1, 21):
        status, rows = upload(number), reader.rows()
        if status != 201 or rows != 10 * number:
            wrong.append(f"upload {number}: {status}, then {rows} rows")
    tap.check(not wrong, "after each of 20 uploads its rows are there",
              "\n".join(wrong))
    tap.check(collector.stop() == 0 and reader.rows() == 200,
              "after the server stopped", reader.rows())
    collector.start()
    upload(21)
    collector.process.send_signal(signal.SIGKILL)
    collector.process.wait()
    collector.process = None
    tap.check(reader.rows() == 210, "after it was killed", reader.rows())
    os.chmod(collector.db, 0o600)
    said = reader.rows()
    tap.check(isinstance(said, str) and said.count("\n") == 1 and
              "Permission denied" in said,
              "who may not read it is told so in one line", said)


def main():
    tap = uploads.Tap()
    if os.geteuid() != 0:
        tap.skip("another user reads the store", "needs root")
        return tap.done()
    collector = uploads.Collector()
    try:
        collector.make()
        run(tap, collector)
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
