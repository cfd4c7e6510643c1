#!/usr/bin/env python3
# Proves what every packet of foreign captures is read as, under sanitizers.
"""UPDATE=1 writes tests/golden/captures.txt anew; look at the difference."""

import difflib
import os
import pathlib

from capture import packets
from tap import Tap, driver, feed

OWN = pathlib.Path("tests/golden/packets")
FOREIGN = pathlib.Path("../shared/data/pcap")
EXPECTED = pathlib.Path("tests/golden/captures.txt")


def expected():
    """File name: its outcomes."""
    found = {}
    if EXPECTED.exists():
        for line in EXPECTED.read_text(encoding="ascii").splitlines():
            name, _, outcome = line.partition(": ")
            found.setdefault(name, []).append(outcome)
    return found


def check(tap, dump, path, known):
    status, outcomes, said = feed(
        dump, [f"ip {packet.hex()}" for packet in packets(path)])
    tap.ok(status == 0, f"{path.name} is read without a report", said)
    difference = list(difflib.unified_diff(
        known.get(path.name, []), outcomes, lineterm=""))
    if os.environ.get("UPDATE"):
        known[path.name] = outcomes
    else:
        tap.ok(bool(outcomes) and not difference,
               f"{path.name} gives the outcomes it gave", "\n".join(difference))


def write(known):
    lines = [f"{name}: {outcome}\n" for name in sorted(known)
             for outcome in known[name]]
    EXPECTED.write_text("".join(lines), encoding="ascii")


def main():
    tap = Tap()
    known = expected()
    dump = driver(tap, "packet_dump")
    for path in sorted(OWN.glob("*.pcap")):
        check(tap, dump, path, known)
    foreign = sorted(FOREIGN.glob("*.pcap*"))
    for path in foreign:
        if not (OWN / path.name).exists():
            check(tap, dump, path, known)
    if not foreign:
        tap.skip("foreign captures are read", f"{FOREIGN} is not here")
    if os.environ.get("UPDATE"):
        write(known)
    tap.done()


main()
