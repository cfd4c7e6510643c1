"""TAP for Python tests, and the drivers that they build."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import built  # noqa: E402  # pylint: disable=wrong-import-position
import taps  # noqa: E402  # pylint: disable=wrong-import-position

BUILD = os.environ.get("B") or "build"


class Tap(taps.Tap):
    def done(self):
        sys.exit(super().done())


def driver(tap, name):
    """Build tests/golden/NAME.c with sanitizers; its path, or the end."""
    path, said = built.sanitized(f"tests/golden/{name}")
    if said:
        tap.ok(False, f"{name} can be built", said)
        tap.done()
    return path


def feed(path, lines):
    """What the driver says to the lines: status, stdout lines, stderr."""
    said = subprocess.run(
        [path, "-"], input="\n".join([*lines, ""]).encode(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return (said.returncode, said.stdout.decode().splitlines(),
            said.stderr.decode("utf-8", "backslashreplace"))
