#!/usr/bin/env python3
# Measures how much of what root operators publish the shipped rules and hints place, and how fast.
# time limit: 170 s
# The lists are ../shared/data/sites (tests skip without them). A town's hash
# puts all its identifiers into the half that the rules were made with or into
# the one that was held out; see acsitemap(5).
import csv
import glob
import gzip
import hashlib
import io
import json
import math
import os
import resource
import subprocess
import sys

B = os.environ.get("B") or "build"
LISTS = "../shared/data/sites"
NEAR_KM = 150
MILLION = 1_000_000
done = []


def ok(passed, sentence):
    done.append(passed)
    print(f"{'ok' if passed else 'not ok'} {len(done)} - {sentence}")


def km(a, b):
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = (math.sin((lat2 - lat1) / 2) ** 2
         + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2)
    return 2 * 6371 * math.asin(math.sqrt(h))


def published():
    """(letter, held out, identity, position) of every identifier."""
    for path in sorted(glob.glob(f"{LISTS}/root-?.json.gz")):
        letter = os.path.basename(path)[5]
        with gzip.open(path) as file:
            sites = json.load(file)["Sites"]
        for site in sites:
            town = f"{site['Country']}|{site['Town'].lower()}"
            held = hashlib.sha256(town.encode()).digest()[0] & 1
            at = site["Latitude"], site["Longitude"]
            for name in site["Identifiers"]:
                yield letter, held, name, at


def place(rows, *options):
    """The rows that accollect gives for (service, identity)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["service", "identity"])
    writer.writerows(rows)
    run = subprocess.run(
        [f"{B}/accollect", "sites", "place", *options], check=True,
        input=text.getvalue(), capture_output=True, text=True)
    return list(csv.DictReader(io.StringIO(run.stdout)))


class Tally:
    def __init__(self):
        self.names = self.placed = self.far = 0
        self.worst = []

    def add(self, row, name, at):
        self.names += 1
        if not row["lat"]:
            self.worst.append(f"{name}: nowhere")
            return
        self.placed += 1
        off = km((float(row["lat"]), float(row["lon"])), at)
        if off > NEAR_KM:
            self.far += 1
            self.worst.append(
                f"{name}: {row['city']} {row['country']}, {off:.0f} km off, "
                f"by {row['rule']}")

    def __str__(self):
        share = (lambda n: f"{100 * n / self.names:.1f} %"
                 if self.names else "-")
        return (f"{self.names} names, {self.placed} placed "
                f"({share(self.placed)}), {self.far} over {NEAR_KM} km off "
                f"({share(self.far)})")


def figures(names, service_of, verbose):
    rows = place([(service_of(n[0]), n[2]) for n in names])
    tallies = {}
    for (letter, held, name, at), row in zip(names, rows):
        keys = (letter, "all", "held-out half" if held else "made-with half")
        for key in keys:
            tallies.setdefault(key, Tally()).add(row, name, at)
    for key in sorted(tallies, key=lambda k: (len(k) > 1, k)):
        print(f"# {key}: {tallies[key]}")
    if verbose:
        for line in tallies["all"].worst:
            print(f"#   {line}")
    return tallies["all"]


def imported(names):
    """Every identifier where its list says, with the lists imported."""
    path = os.path.join(os.environ.get("TMPDIR") or "/tmp",
                        f"bench-sites-{os.getpid()}.map")
    subprocess.run(
        [f"{B}/accollect", "sites", "import", "--format", "root-servers",
         "--output", path, *sorted(glob.glob(f"{LISTS}/root-?.json.gz"))],
        check=True, stderr=subprocess.DEVNULL)
    try:
        rows = place([(f"{n[0]}.root-servers.net", n[2]) for n in names],
                     "--site-map", path)
    finally:
        os.unlink(path)
    where = {}
    for letter, _, name, at in names:
        where.setdefault((letter, name.lower()), set()).add(at)
    wrong = 0
    for (letter, _, name, _), row in zip(names, rows):
        at = float(row["lat"] or 99), float(row["lon"] or 999)
        wrong += not any(abs(at[0] - p[0]) < 1e-6 and abs(at[1] - p[1]) < 1e-6
                         for p in where[letter, name.lower()])
    return wrong


def speed(names):
    """CPU seconds for a million identities, from CSV to CSV, one thread."""
    text = ["service,identity\n"]
    for i in range(MILLION):
        letter, _, name, _ = names[i * 7919 % len(names)]
        text.append(f"{letter}.root-servers.net,{name}\n")
    path = os.path.join(os.environ.get("TMPDIR") or "/tmp",
                        f"bench-sites-{os.getpid()}.csv")
    with open(path, "w") as file:
        file.writelines(text)
    best = math.inf
    try:
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([f"{B}/accollect", "sites", "place", path],
                           check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            best = min(best, after.ru_utime - before.ru_utime
                       + after.ru_stime - before.ru_stime)
    finally:
        os.unlink(path)
    return best


def main():
    names = list(published())
    if not names:
        print(f"ok 1 - published lists are placed # SKIP no {LISTS}\n1..1")
        return 0
    verbose = "-v" in sys.argv
    print("# by the services' own rules:")
    shipped = figures(names, lambda l: f"{l}.root-servers.net", verbose)
    print("# by hints alone, as of a service that nobody knows:")
    figures(names, lambda l: f"{l}.example", verbose)
    ok(shipped.placed >= 0.9 * shipped.names,
       "the shipped rules and hints place nine in ten published names")
    ok(shipped.far <= 0.02 * shipped.names,
       f"at most one in fifty is more than {NEAR_KM} km off")
    wrong = imported(names)
    print(f"# with the lists imported: {wrong} of {len(names)} not as listed")
    ok(wrong == 0, "with the lists imported every name is where they say")
    seconds = speed(names)
    print(f"# a million identities: {seconds:.2f} s of CPU, CSV to CSV")
    ok(seconds < 2, "a million identities are placed in under 2 s")
    print(f"1..{len(done)}")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
