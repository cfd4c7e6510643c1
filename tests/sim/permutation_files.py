#!/usr/bin/env python3
# Proves that a thousand batches give one content in any order, with repetitions, brought at once or in pieces, made again from the archive or merged from the databases of several collectors.
# time limit: 1500 s
"""PERMUTATIONS (4; with STRICT 100) orders, each a database of its own and in
turn: imported in pieces, each of which is settled; some of them late, each
settled alone; imported and rebuilt from the archive; spread over three collectors whose databases are merged. In
the end one batch is left out: the hash must differ; and with programs that
lack a step, some orders must not have one hash, or the check of one must fail.
"""
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import built  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402
from strict import STRICT  # noqa: E402

COUNT = int(os.environ.get("PERMUTATIONS") or
            (100 if STRICT else 4))
VPS, ROUNDS, RECORDS = 10, 100, 8
ROUNDS_AN_HOUR, LATE = 12, 4
ACCOLLECT = os.environ.get("ACCOLLECT") or os.path.join(uploads.BUILD,
                                                        "accollect")
MUTANTS = (
    ("does not read the neighbour behind", "collector/stitch.c",
     "(result = read_right(st, lane)) != STORE_OK)", "false)"),
    ("does not know a batch again", "collector/store_batch.c",
     "return result == STORE_OK ? found : result;",
     "(void)found; return result;"),
)


def run(*words, codes=(0,), **more):
    done = subprocess.run([ACCOLLECT, *words], capture_output=True, text=True,
                          check=False, **more)
    if done.returncode not in codes:
        raise AssertionError(f"{words[:4]}: {done.returncode}: "
                             f"{done.stdout[-300:]} {done.stderr[-300:]}")
    return done.stdout


class Test:
    def __init__(self, folder, rng):
        self.folder, self.rng = folder, rng
        program = built.made("tests/bench/batches")
        made = os.path.join(folder, "made")
        os.mkdir(made)
        subprocess.run([program, made, str(VPS), str(ROUNDS), str(RECORDS)],
                       check=True)
        self.files = sorted(glob.glob(f"{made}/*.acbatch"))
        self.vps = "name,key\n" + "".join(
            f"{os.path.basename(path)[:-4]},{path}\n"
            for path in sorted(glob.glob(f"{made}/*.pub")))

    def collector(self, name):
        """A new database and its archive."""
        words = ["--db", os.path.join(self.place, name + ".db"), "--archive",
                 os.path.join(self.place, name + ".archive")]
        run("init", *words)
        run("vp", "add", "--file", "-", *words, input=self.vps)
        return words

    def shuffled(self, files):
        """Every one once, some again."""
        files = files + self.rng.choices(files, k=len(files) // 5)
        self.rng.shuffle(files)
        return files

    def bring(self, words, files):
        """In one to six pieces; an import ends with settling, and a check
        does too."""
        cuts = sorted(self.rng.sample(range(1, len(files)),
                                      self.rng.randrange(6)))
        for a, z in zip([0, *cuts], [*cuts, len(files)]):
            run("import", *words, *files[a:z])

    def hash(self, words):
        return run("check", "--hash", *words[:2]).strip()

    # --- each is a hash ---

    def in_pieces(self, files):
        words = self.collector("one")
        self.bring(words, self.shuffled(files))
        run("check", *words)
        return self.hash(words)

    def late(self, files):
        """Most at once, then whole hours of vantage points, each alone; one is
        before all that is settled."""
        words = self.collector("one")
        hours = {}
        for path in files:
            number, vp = os.path.basename(path)[:-8].split("-")
            hours.setdefault((vp, int(number) // ROUNDS_AN_HOUR),
                             []).append(path)
        late = self.rng.sample(sorted(hours), LATE - 1) + [("vp1", 0)]
        on_time = [path for hour, part in hours.items() if hour not in late
                   for path in part]
        for part in (on_time, *(hours[hour] for hour in late)):
            run("import", *words, *self.shuffled(part))
        run("check", *words)
        return self.hash(words)

    def rebuilt(self, files):
        words = self.collector("one")
        self.bring(words, self.shuffled(files))
        new = ["--db", os.path.join(self.place, "new.db"), *words[2:]]
        run("rebuild", *new)
        return self.hash(new)

    def merged(self, files):
        """Each file in one collector or two; the databases in any order, one
        of them twice; then what was merged is rebuilt."""
        parts = [[], [], []]
        for path in files:
            for i in self.rng.sample(range(3), self.rng.choice((1, 1, 2))):
                parts[i].append(path)
        sources = []
        for i, part in enumerate(parts):
            words = self.collector(f"part{i}")
            self.bring(words, self.shuffled(part))
            sources.append(words[1])
        words = self.collector("all")
        sources = self.shuffled(sources + [sources[0]])
        if self.rng.random() < 0.5:
            some = self.shuffled(files[:len(files) // 2])
            self.bring(words, some)
        for source in sources:
            run("import", "--format", "accollect", *words, source)
        new = ["--db", os.path.join(self.place, "new.db"), *words[2:]]
        run("rebuild", *new)
        one, two = self.hash(words), self.hash(new)
        return one if one == two else f"{one} but {two} rebuilt"

    def one(self, way, files):
        self.place = tempfile.mkdtemp(dir=self.folder)
        try:
            return way(files)
        finally:
            shutil.rmtree(self.place)


def mutants(tap, test):
    """Three orders of what two vantage points sent."""
    global ACCOLLECT
    whole = ACCOLLECT
    files = [path for path in test.files
             if os.path.basename(path)[7:] in ("vp0.acbatch", "vp1.acbatch")]
    for what, source, old, new in MUTANTS:
        with tempfile.TemporaryDirectory(dir=test.folder) as place:
            ACCOLLECT = mutant.build(place, "accollect", [(source, old, new)])
            try:
                hashes = {test.one(way, files) for way in
                          (test.in_pieces, test.late, test.rebuilt)}
                fault = f"{len(hashes)} hashes"
            except AssertionError as error:
                hashes, fault = (), str(error)
            tap.check(len(hashes) != 1, f"an accollect that {what} is noticed",
                      fault)
    ACCOLLECT = whole


def main():
    tap = uploads.Tap()
    seed = int(os.environ.get("SEED", "7"))
    tap.note(f"seed {seed}")
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix=f"permutation-{os.getpid()}-", dir=shm)
    try:
        test = Test(folder, random.Random(seed))
        ways = (test.in_pieces, test.late, test.rebuilt, test.merged)
        hashes = {}
        for i in range(COUNT):
            way = ways[i % len(ways)]
            hashes.setdefault(test.one(way, test.files), []).append(
                f"{i} {way.__name__}")
        tap.check(len(test.files) == VPS * ROUNDS and len(hashes) == 1,
                  f"{COUNT} orders of {len(test.files)} batches: one hash",
                  *hashes.items())
        for way in ways if COUNT > 4 else ways[3:]:
            lacking = test.one(way, test.files[:-1])
            tap.check(lacking not in hashes and "but" not in lacking,
                      f"without one batch it is another ({way.__name__})",
                      lacking)
        mutants(tap, test)
        return tap.done()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
