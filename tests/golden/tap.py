"""TAP for Python tests, and the drivers that they build."""

import os
import subprocess
import sys

BUILD = os.environ.get("B") or "build"


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = False

    def ok(self, passed, sentence, *details):
        self.count += 1
        for detail in () if passed else details:
            for line in str(detail).splitlines()[:40]:
                print(f"# {line}")
        print(f"{'ok' if passed else 'not ok'} {self.count} - {sentence}")
        self.failed |= not passed

    def skip(self, sentence, reason):
        self.count += 1
        print(f"ok {self.count} - {sentence} # SKIP {reason}")

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(self.failed)


def driver(tap, name):
    """Build tests/golden/NAME.c with sanitizers; its path, or the end."""
    path = f"{BUILD}/san/tests/golden/{name}"
    made = subprocess.run(
        ["make", "-s", "--no-print-directory", "SAN=address,undefined",
         f"B={BUILD}/san", path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if made.returncode != 0:
        tap.ok(False, f"{name} can be built", made.stdout.decode())
        tap.done()
    return path


def feed(path, lines):
    """What the driver says to the lines: status, stdout lines, stderr."""
    said = subprocess.run(
        [path, "-"], input="\n".join([*lines, ""]).encode(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return (said.returncode, said.stdout.decode().splitlines(),
            said.stderr.decode("utf-8", "backslashreplace"))
