#!/usr/bin/env python3
# Proves that any order and repetition of the same batches, settled whenever, gives one content: the one that a brute-force reading of the raw rows gives.
"""Runs permutation.c for several seeds, and this file's own reading of the raw
rows over one database of each. Then breaks settling step by step in a copy of
its source and asserts that the test notices every time.

PERMUTATION_SEEDS=200 runs longer; PERMUTATION_FIRST=N begins at a seed.
"""
import math
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import taps  # noqa: E402  # pylint: disable=wrong-import-position

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("B") or "build"
SEEDS = int(os.environ.get("PERMUTATION_SEEDS") or 12)
FIRST = int(os.environ.get("PERMUTATION_FIRST") or time.time_ns() % 10**9)
ORDERS = 9
MUTANT_SEEDS = 6
HOUR_US = 3600 * 10**6
LIBS = "-lsqlite3 -lzstd -lz -ljansson -lcrypto -lm".split()

# What is broken: file, the text there, and what stands in its place.
MUTANTS = [
    ("neighbours are not joined", "stitch",
     "return a->instance == b->instance;",
     "return a->instance == b->instance && a->first < 0;"),
    ("the piece before keeps its end", "stitch",
     "piece->last = run.last;", ";"),
    ("the piece after keeps its beginning", "stitch",
     "piece->first = run.first;", ";"),
    ("the piece after is dropped", "stitch",
     "result = cut_after(st, lane, &piece);", "return STORE_OK;"),
    ("the piece before is not cut", "stitch",
     "result = cut_before(st, lane, &piece);", ";"),
    ("the neighbour behind is not read", "stitch",
     "(result = read_right(st, lane)) != STORE_OK)", "false)"),
    ("equal times are ordered by id", "settle",
     "sample->rank = name == NULL ? 0 : name->rank;",
     "sample->rank = (uint32_t)sample->instance;"),
    ("batches that begin in the hour before are left out", "settle",
     "query_int(&q, st->start - LIMIT_BATCH_SPAN_US);", "query_int(&q, st->start);"),
    ("old runs of the hour stay", "settle",
     "result = delete_runs(se, lane);", ";"),
    ("marks are not taken for the second hour of a batch", "store_batch",
     "h <= hour_of(t1); h++", "h <= hour_of(t0); h++"),
]


def flags():
    with open(os.path.join(ROOT, BUILD, "flags"), encoding="utf-8") as file:
        return shlex.split(file.read())


def objects():
    """Of a store, as the unit tests link with it."""
    make = ["make", "-s", "--no-print-directory", f"B={BUILD}"]
    names = subprocess.run([*make, "objects-of-store"], cwd=ROOT, check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    subprocess.run([*make, *names, f"{BUILD}/libac.a"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    return names


def build(folder, name, replaced=None):
    """The driver, with one object's source replaced."""
    parts = list(OBJECTS)
    if replaced:
        parts.remove(f"{BUILD}/collector/{replaced[0]}.o")
        parts.append(replaced[1])
    out = os.path.join(folder, name)
    subprocess.run(FLAGS + ["-MF", out + ".d", "-w", "-o", out,
                            "tests/sim/permutation.c"] + parts +
                   [f"{BUILD}/libac.a"] + LIBS,
                   cwd=ROOT, check=True)
    return out


# --- brute force ---

def bucket_of(rtt_us):
    return 0 if rtt_us <= 1 else int(math.log(rtt_us) / math.log(1.02))


def decode(blob):
    numbers, value, shift = [], 0, 0
    for byte in blob or b"":
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    buckets, at = {}, 0
    for step, count in zip(numbers[::2], numbers[1::2]):
        at += step
        buckets[at] = count
    return buckets


def raw_lanes(db):
    """Samples of each lane, (time, name, outcome, rtt), from the raw rows."""
    lanes = {}
    rows = db.execute(
        "SELECT l.id, b.t0 + m.dt_us, m.outcome, m.rtt_us, i.method, i.bytes"
        " FROM batch b JOIN measurement m ON m.id >= b.first_row"
        " AND m.id < b.first_row + b.rows JOIN lane l ON l.id = m.lane"
        " LEFT JOIN instance i ON i.id = m.instance")
    for lane, t, outcome, rtt, method, name in rows:
        key = None if outcome else (method.encode(), bytes(name))
        lanes.setdefault(lane, []).append((t, key, outcome, rtt))
    for samples in lanes.values():
        samples.sort(key=lambda s: (s[0], s[1] or (b"", b"")))
    return lanes


def stretches(samples):
    """Maximal stretches of one name: [first, last, name, samples]."""
    out = []
    for sample in samples:
        if sample[1] is None:
            continue
        if out and out[-1][2] == sample[1]:
            out[-1][1] = sample[0]
            out[-1][3].append(sample)
        else:
            out.append([sample[0], sample[0], sample[1], [sample]])
    return out


def with_ties(list_of_stretches):
    tie, before = 0, None
    for item in list_of_stretches:
        tie = tie + 1 if before == item[0] else 0
        before = item[0]
        yield tie, item


def expected(lanes):
    runs, intervals, changes = set(), set(), set()
    for lane, samples in lanes.items():
        hours, ties = {}, {}
        for sample in samples:
            hours.setdefault(sample[0] // HOUR_US, []).append(sample)
        for hour, part in hours.items():
            for tie, (first, last, name, own) in with_ties(stretches(part)):
                ties.setdefault((first, name), tie)
                buckets = {}
                for sample in own:
                    b = bucket_of(sample[3])
                    buckets[b] = buckets.get(b, 0) + 1
                runs.add((hour, lane, first, tie, name, last, len(own),
                          len(own), 0, tuple(sorted(buckets.items()))))
            lost = [s for s in part if s[1] is None]
            if lost:
                runs.add((hour, lane, lost[0][0], -1, None, lost[-1][0], 0,
                          len(lost), sum(s[2] == 5 for s in lost), ()))
        # The tie of an interval is that of its first run.
        for first, last, name, _ in stretches(samples):
            intervals.add((lane, first, ties[(first, name)], last, name))
        seen = {}
        for t, name, _, _ in samples:
            if not name or name == (b"", b""):
                continue
            old = seen.get(name[0])
            if old and old[1] != name[1]:
                changes.add((lane, t, name[0], old[1], name[1], old[0]))
            seen[name[0]] = (t, name[1])
    return runs, intervals, changes


def found(db):
    names = {0: None}
    texts = {}
    for key, method, name, text in db.execute(
            "SELECT id, method, bytes, text FROM instance"):
        names[key] = (method.encode(), bytes(name))
        texts[(method, text)] = bytes(name)
    runs = {(h, lane, f, tie, names[i], l, a, n, u,
             tuple(sorted(decode(hist).items())))
            for h, lane, f, tie, i, l, a, n, u, hist in db.execute(
                "SELECT hour, lane, first, tie, instance, last, answered,"
                " asked, unsent, hist FROM run")}
    intervals = {(lane, f, tie, l, names[i]) for lane, f, tie, l, i in
                 db.execute("SELECT lane, first, tie, last, instance"
                            " FROM interval")}
    changes = {(lane, t, m.encode(), texts[(m, a)], texts[(m, b)], old)
               for lane, t, m, a, b, old in db.execute(
                   "SELECT l.id, c.t, c.method, c.from_instance,"
                   " c.to_instance, c.old_last FROM v_change c JOIN lane l"
                   " USING (target, address, port, proto, question, flow)"
                   " JOIN vp v ON v.id = l.vp AND v.name = c.vp")}
    return runs, intervals, changes


def compare(path):
    """What differs from brute force, as text; and how much was compared."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    want, have = expected(raw_lanes(db)), found(db)
    db.close()
    counts = [len(part) for part in want]
    for what, a, b in zip(("runs", "intervals", "changes"), want, have):
        if a != b:
            return (f"{what}: missing {sorted(a - b, key=repr)[:3]}, "
                    f"too many {sorted(b - a, key=repr)[:3]}"), counts
    return "", counts


# --- the test ---

def run_seed(program, folder, seed):
    """Whether there is one hash; what brute force says; counts."""
    place = tempfile.mkdtemp(dir=folder)
    try:
        done = subprocess.run([program, place, str(seed), str(ORDERS)],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            return [], done.stderr or f"exit {done.returncode}", [0, 0, 0]
        hashes = [line.split()[0] for line in done.stdout.splitlines()]
        return (hashes,) + compare(os.path.join(place, "0.db"))
    finally:
        shutil.rmtree(place)


def good_seeds(tap, program, folder):
    split, wrong, sums, orders = [], [], [0, 0, 0], 0
    for seed in range(FIRST, FIRST + SEEDS):
        hashes, why, counts = run_seed(program, folder, seed)
        orders += len(hashes)
        sums = [a + b for a, b in zip(sums, counts)]
        if len(hashes) != ORDERS or len(set(hashes)) != 1:
            split.append(seed)
        if why:
            wrong.append(f"seed {seed}: {why}")
    print(f"# seeds {FIRST} to {FIRST + SEEDS - 1}: {orders} orders; compared "
          f"{sums[0]} runs, {sums[1]} intervals, {sums[2]} changes")
    tap.ok(not split, "every order of the same batches has one hash", split)
    tap.ok(not wrong, "brute force finds the same runs, intervals and changes",
           "\n".join(wrong[:5]))
    tap.ok(min(sums) > 0, "there was something to compare", sums)


def mutant(tap, folder, index):
    what, name, old, new = MUTANTS[index]
    with open(os.path.join(ROOT, "collector", name + ".c"),
              encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        tap.ok(False, f"noticed: {what}", f"{name}.c has no such step: {old}")
        return
    source = os.path.join(folder, f"{name}_{index}.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    program = build(folder, f"mutant_{index}", (name, source))
    noticed = ""
    for seed in range(FIRST, FIRST + MUTANT_SEEDS):
        hashes, why, _ = run_seed(program, folder, seed)
        if why or len(set(hashes)) != 1:
            noticed = f"seed {seed}: {len(set(hashes))} hashes; {why}"
            break
    tap.ok(noticed, f"noticed: {what}", "no seed showed it")
    print(f"# {noticed[:150]}")


def main():
    tap = taps.Tap()
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix=f"permutation.{os.getpid()}.", dir=shm)
    try:
        good_seeds(tap, build(folder, "permutation"), folder)
        for index in range(len(MUTANTS)):
            mutant(tap, folder, index)
    finally:
        shutil.rmtree(folder)
    return tap.done()


if __name__ == "__main__":
    OBJECTS = objects()
    FLAGS = flags()
    sys.exit(main())
