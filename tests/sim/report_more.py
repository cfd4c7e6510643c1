#!/usr/bin/env python3
# Proves that the figures of diff, events and the other reports over time are those of an independent reading of random days.
"""As report_oracle.py, whose worlds and catchments are used. SEED=n repeats a
run."""

import collections
import os
import random
import sys
import tempfile

import report_oracle as o
from report_oracle import DAY, HOUR, SECOND, START, guarded, ms, pct, stamp
from report_oracle_store import make


def cell(value):
    return "" if value is None else str(value)


def place_cells(world, vp, time):
    return [cell(value) for value in world.place(vp, time)]


# --- diff ---

def is_known(row):
    return bool(row) and row["state"] == "known"


def pairs(world, since, start, end, max_age, level):
    """{(vp, service, flow): (row then, row now)}."""
    chosen = o.compared(world, since, end + 1)
    held = collections.defaultdict(lambda: [None, None])
    for i, (at, begin) in enumerate(
            ((start, since), (end, max(end + 1 - DAY, start + 1)))):
        for row in o.catchment(world, at, max_age, level, begin, chosen):
            flow = row["lane"][6] if len(row["lane"]) > 3 else -1
            held[row["vp"], row["lane"][:3], flow][i] = row
    for vp, service, flow in list(held):
        if flow == -1 and any(key[:2] == (vp, service) and key[2] != -1
                              for key in held):
            del held[vp, service, flow]
    return held


def where(row, level):
    if not is_known(row):
        return None
    return row["site"], row["label"] if level == "instance" else ""


def median_if(values):
    return ms(o.median(values)) if values else ""


def rtt(row):
    return o.median(row["rtts"]) if is_known(row) and row["rtts"] else None


def diff_rows(world, held, end, level):
    out = []
    for (vp, service, flow), (old, new) in held.items():
        if where(old, level) == where(new, level):
            continue
        before, after = rtt(old), rtt(new)
        change = "new" if not is_known(old) else \
            "moved" if is_known(new) else "gone"
        cells = []
        for row in (old, new):
            good = is_known(row)
            cells += [guarded(row["label"]) if good else "",
                      guarded(row["site"]) if good else "",
                      row["state"] if row else "no_data"]
        both = before is not None and after is not None
        out.append([
            guarded(service[0]), service[1], str(service[2]), vp,
            *place_cells(world, vp, end), str(flow), change, *cells,
            ms(before), ms(after), ms(after - before) if both else "",
            (old or new)["method"] or ""])
    return sorted(out)


def spread(world, lines, at):
    """The weight of each vantage point."""
    names = sorted({b.vp for b in world.batches} |
                   {p[0] for p in world.places})
    taken = {}
    for vp in names:
        _, country, asn = world.place(vp, at)
        for key in (("vp", vp), ("asn", str(asn)), ("country", country)):
            if key in lines:
                taken[vp] = key
                break
    counts = collections.Counter(taken.values())
    return {vp: lines[taken[vp]] / counts[taken[vp]] if vp in taken else 0
            for vp in names}


def matrix_rows(held, level, weight):
    services = collections.defaultdict(lambda: collections.defaultdict(list))
    for (vp, service, _), pair in held.items():
        services[service][vp].append(pair)
    out = []
    for (target, address, af), vps in services.items():
        cells = collections.defaultdict(lambda: [0, 0, [], []])
        total = {"all": 0, "both": 0, "same": 0, "weight": 0}
        for vp, flows in vps.items():
            for old, new in flows:
                a, b = where(old, level), where(new, level)
                part = 1 / len(flows)
                held_cell = cells[a, b]
                held_cell[0] += part
                held_cell[1] += part * weight[vp]
                for row, values in ((old, held_cell[2]), (new, held_cell[3])):
                    if rtt(row) is not None:
                        values.append(rtt(row))
                total["all"] += part
                total["both"] += part * bool(a and b)
                total["same"] += part * bool(a and a == b)
                total["weight"] += part * weight[vp] * bool(a and b)
        for (a, b), (count, load, before, after) in cells.items():
            both = a and b
            out.append([
                guarded(a[0]) if a else "", guarded(b[0]) if b else "",
                o.count_text(count), guarded(target), address, str(af),
                pct(count, total["both"]) if both else "",
                median_if(before), median_if(after),
                pct(total["same"], total["all"]),
                pct(total["same"], total["both"]),
                pct(total["both"], total["all"]),
                guarded(a[1]) if a else "", guarded(b[1]) if b else "",
                o.count_text(load),
                pct(load, total["weight"]) if both else ""])
    return sorted(out)


def check_diff(world, rng, common, check, folder):
    start = START + rng.randrange(world.hours * HOUR)
    end = start + rng.randrange(1, 20 * HOUR)
    level = rng.choice(("site", "instance"))
    max_age = rng.choice((None, HOUR, DAY))
    held = pairs(world, start + 1 - DAY, start, end, max_age, level)
    words = ("--from", stamp(start), "--to", stamp(end), "--level", level,
             *(("--max-age", f"{max_age // SECOND}s") if max_age else ()),
             *common)
    check("diff", diff_rows(world, held, end, level),
          o.acreport("diff", *words))
    everybody = dict.fromkeys({b.vp for b in world.batches}, 1)
    check("diff --matrix",
          [row[:-2] for row in matrix_rows(held, level, everybody)],
          o.acreport("diff", "--matrix", *words))
    lines = {("vp", "vp0"): 12.5, ("asn", "64500"): 40, ("asn", "7"): 3,
             ("country", "GB"): 100}
    path = f"{folder}/weights"
    with open(path, "w", encoding="ascii") as file:
        file.write("# load\n" + "".join(
            f"{kind} {name}\t{value}\n"
            for (kind, name), value in lines.items()))
    check("diff --matrix --weights",
          matrix_rows(held, level, spread(world, lines, end)),
          o.acreport("diff", "--matrix", "--weights", path, *words))


# --- comparison ---

CHECKS = [check_diff]


def compare_world(seed, folder, tests):
    rng = random.Random(seed)
    world = o.World(rng)
    path, sites = f"{folder}/{seed}.db", f"{folder}/sites"
    make(path, world.batches, world.places, seed)
    with open(sites, "w", encoding="ascii") as file:
        file.write(o.MAP)
    common = ("--db", path, "--site-map", sites, "--format", "csv")
    for one in CHECKS:
        wrong = []

        def check(what, wanted, got, wrong=wrong):
            tests.rows += len(wanted)
            wrong.extend(f"{what}: {line}"
                         for line in o.differences(wanted, got))

        one(world, rng, common, check, folder)
        tests.ok(not wrong, f"world {seed}: "
                 f"{one.__name__.removeprefix('check_')} agrees", wrong[:9])


def main():
    tests = o.Tests()
    print(f"# SEED={o.SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(o.SEED,
                          o.SEED + int(os.environ.get("WORLDS") or 6)):
            compare_world(seed, folder, tests)
    tests.ok(tests.rows > 100, f"{tests.rows} rows were compared")
    print(f"1..{tests.count}")
    sys.exit(tests.failed > 0)


if __name__ == "__main__":
    main()
