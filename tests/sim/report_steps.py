#!/usr/bin/env python3
# Proves that catchment, step by step, is what each step's raw rows say, of silent lanes too.
"""Random days in which lanes rest for hours and come back, vantage points fall
silent, intervals between rounds change and hours are not settled. Every step
of catchment is compared with what is computed from the samples themselves by
the rules of DESIGN.md 9 (report_oracle.py). SEED=n repeats a run."""

import random
import sys
import tempfile

import report_oracle as oracle
from report_oracle import HOUR, SECOND, START, stamp
from report_oracle_store import make

WORLDS = 16
STEPS = 24


class RestlessWorld(oracle.World):
    """Lanes that rest, rounds that take long, intervals that change by the hour."""

    def lanes(self, vp):
        rng = self.rng
        lanes = super().lanes(vp)[:8]
        for lane in lanes:
            begin = START + rng.randrange(self.hours * HOUR)
            lane["rest"] = rng.choice((
                (0, 0), (begin, begin + rng.randrange(1, 20) * HOUR),
                (START + 2 * HOUR, START + (self.hours - 3) * HOUR)))
            lane["flap"] = rng.choice((0, 0, 0.02, 0.2))
        return lanes

    def round(self, vp, lanes, time, every):
        rng = self.rng
        if rng.random() < 0.5:  # on the edge of steps
            time = time // (300 * SECOND) * (300 * SECOND)
        awake = [lane for lane in lanes
                 if not lane["rest"][0] <= time < lane["rest"][1]]
        if vp[-1] in "024" and time // HOUR % 3 == 0:
            every *= 12
        super().round(vp, awake, time, every)
        if awake and rng.random() < 0.2:
            for record in self.batches[-1].records:
                record.t += rng.randrange(45 * 60) * SECOND
            batch = self.batches.pop()
            self.batches.append(oracle.Batch(vp, batch.records, every))


def steps_of(world, chosen, window, level, max_age):
    """Rows of catchment and of its shares, by the samples."""
    since, until, step = window
    rows, shared = [], []
    for begin, end in oracle.steps_of(since, until, step):
        held = oracle.catchment(world, end - 1, max_age, level, begin, chosen)
        rows += [[stamp(begin), *row]
                 for row in oracle.catchment_rows(world, held, end - 1)]
        shared += [[stamp(begin), *row] for row in
                   oracle.shares(world, held, end - 1, "region", level)]
    return sorted(rows), sorted(shared)


def compare_steps(world, rng, common):
    """What is wrong with some steps of random length."""
    step = rng.choice((HOUR // 12, HOUR // 4, HOUR, 5 * HOUR))
    since = START + rng.randrange(world.hours * HOUR)
    since -= rng.choice((0, since % step))
    until = since + rng.randrange(1, STEPS) * step + rng.choice((0, step // 3))
    level = rng.choice(("site", "site", "instance"))
    max_age = rng.choice((None, None, 0, 10 * 60 * SECOND, 30 * HOUR))
    words = ("--since", stamp(since), "--at", stamp(until - 1), "--level",
             level, "--step", f"{step // SECOND}s", *common)
    if max_age is not None:
        words += ("--max-age", f"{max_age // SECOND}s")
    chosen = oracle.compared(world, since, until)
    rows, shared = steps_of(world, chosen, (since, until, step), level,
                            max_age)
    what = " ".join(words)
    return len(rows), [
        *(f"{what}: {line}" for line in oracle.differences(
            rows, oracle.acreport("catchment", *words))),
        *(f"{what} by region: {line}" for line in oracle.differences(
            shared, oracle.acreport("catchment", "--by", "region", *words)))]


def compare_times(world, rng, common):
    """What is wrong at some times, of which most are within a silence."""
    wrong, count = [], 0
    for _ in range(6):
        at = START + rng.randrange((world.hours - 1) * HOUR)
        since = at - rng.choice((0, rng.randrange(2 * HOUR)))
        rows = oracle.catchment_rows(
            world, oracle.catchment(world, at, 0, "site", since), at)
        words = ("--at", stamp(at), "--since", stamp(since), "--max-age",
                 "0s", *common)
        count += len(rows)
        wrong += [f"{' '.join(words)}: {line}" for line in oracle.differences(
            rows, oracle.acreport("catchment", *words))]
    return count, wrong


def compare_world(seed, folder):
    rng = random.Random(seed)
    world = RestlessWorld(rng)
    path, sites = f"{folder}/{seed}.db", f"{folder}/sites"
    settled = rng.choice((None, START + rng.randrange(world.hours) * HOUR))
    late = rng.choice((0, 0, 1, len(world.batches) // 20))
    make(path, world.batches, world.places, seed, settled, late)
    with open(sites, "w", encoding="ascii") as file:
        file.write(oracle.MAP)
    common = ("--db", path, "--site-map", sites, "--format", "csv")
    parts = [compare_steps(world, rng, common) for _ in range(3)]
    parts.append(compare_times(world, rng, common))
    return sum(count for count, _ in parts), \
        [line for _, lines in parts for line in lines]


def main():
    tests = oracle.Tests()
    print(f"# SEED={oracle.SEED}")
    with tempfile.TemporaryDirectory(prefix="ac-report-steps-") as folder:
        for number in range(WORLDS):
            seed = oracle.SEED * 1000 + number
            count, wrong = compare_world(seed, folder)
            tests.rows += count
            tests.ok(not wrong, f"catchment of world {seed}, step by step, is "
                     f"that of its samples ({count} rows)", wrong[:20])
    tests.ok(tests.rows > 500, f"{tests.rows} rows were compared")
    return tests.done()


if __name__ == "__main__":
    sys.exit(main())
