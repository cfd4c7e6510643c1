#!/usr/bin/env python3
# Proves that we read of real DNS replies what ldns reads.

import base64
import collections
import gzip
import json
import pathlib
import sys

from tap import Tap, driver, feed

sys.path.insert(0, "tests/fuzz/seeds")
from packets import packet  # noqa: E402

OWN = pathlib.Path("tests/golden/packets")
ATLAS = pathlib.Path("../shared/data/atlas")


def abufs(value):
    """Every answer buffer of a RIPE Atlas result, whatever its format."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "abuf" and isinstance(inner, str):
                yield base64.b64decode(inner)
            else:
                yield from abufs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from abufs(inner)


def replies(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        if ".jsonl" in path.name:
            for line in file:
                yield from abufs(json.loads(line))
        else:
            yield from abufs(json.load(file))


def compare(tap, oracle, name, messages):
    status, lines, said = feed(oracle, [m.hex() for m in messages])
    tap.ok(status == 0 and len(lines) == len(messages),
           f"{name}: both read all {len(messages)} without a report", said)
    different = [f"{line}: {message.hex()}" for line, message
                 in zip(lines, messages) if not line.startswith("same")]
    tap.ok(not different, f"{name}: both read the same", "\n".join(different))
    for line, count in collections.Counter(lines).most_common(8):
        print(f"# {count} x {line}")


def main():
    tap = Tap()
    oracle = driver(tap, "dns_oracle")
    compare(tap, oracle, "replies captured by us", [
        packet(path)[1] for path in sorted(OWN.glob("real-*.hex"))
        if packet(path)[0] == "dns"])
    files = [path for path in sorted(ATLAS.glob("*.json*.gz"))
             if "ping" not in path.name]
    for path in files:
        compare(tap, oracle, path.name, list(replies(path)))
    if not files:
        tap.skip("RIPE Atlas results: both read the same",
                 f"{ATLAS} is not here")

    # The oracle sees a difference: ldns knows of no second OPT.
    two_opt = packet(OWN / "dns14-two-opt-bad.hex")[1]
    _, lines, _ = feed(oracle, [two_opt.hex()])
    tap.ok(lines == ["differs: we refuse it (opt2, ok)"],
           "a second OPT, which ldns overlooks, is seen as a difference",
           lines)
    tap.done()


main()
