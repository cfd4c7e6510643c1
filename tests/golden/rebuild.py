#!/usr/bin/env python3
# Proves that accollect rebuild leaves out what is damaged and an import that it cannot read, whole, names and counts it, and goes on with the rest.
"""The same with programs that lack a step of it must fail."""
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import uploads  # noqa: E402

START_US = 1700000000000000
PROGRAM = os.path.abspath(os.environ.get("ACCOLLECT") or
                          os.path.join(uploads.BUILD, "accollect"))


# What is left out of the program, and the sentence that must not hold then.
MUTANTS = (
    ("what was read of a bad import", "collector/rebuild.c",
     "	return store_undo(r->store);", "	return store_keep(r->store);",
     "the content is that of the rest"),
    ("the count of what is refused", "collector/rebuild.c", "r->refused++",
     "(void)r", "is counted, the rest goes on"),
    ("the digest of an entry", "collector/archive_read.c",
     "strcmp(digest, line->sha256) == 0", "strlen(digest) > 0",
     "an entry with a bit flipped"),
    ("the end of a pack", "collector/archive_pack.c",
     "entry->len + 1 > pack->len - pack->at - title", "false",
     "what stands before an entry that is longer"),
    ("the kind of what a pack has", "collector/archive_pack.c",
     "text_copy(kind, LIMIT_ARCHIVE_KIND, title) == -1",
     "text_print(kind, LIMIT_ARCHIVE_KIND, \"%s\", \"import\") == -1",
     "a pack gives all that is in it"),
)


def entry(kind, data):
    line = f"acarc 1 {kind} {len(data)} {hashlib.sha256(data).hexdigest()}\n"
    return line.encode() + data + b"\n"


def an_import(vp, number, answers, spoil=None):
    """An import of a record for each answer; record spoil has a bad time."""
    t_us = START_US + number * 60000000
    lines = [{"vp": vp, "spool": "ripe-atlas:1", "number": number,
              "sha256": hashlib.sha256(f"{vp}{number}".encode()).hexdigest()},
             uploads.head(t_us, len(answers))]
    for i, answer in enumerate(answers):
        record = uploads.record(t_us + i * 1000, answer)
        lines.append(record | ({"t": "never"} if i == spoil else {}))
    return entry("import", "".join(json.dumps(line) + "\n"
                                   for line in lines).encode())


def packed(*entries):
    """As a pack has them: kind, length, bytes."""
    texts = []
    for whole in entries:
        line, data = whole.split(b"\n", 1)
        texts.append(b" ".join(line.split(b" ")[2:4]) + b"\n" + data)
    return b"".join(texts)


class Test:
    def __init__(self, tap, folder, program=PROGRAM):
        self.tap, self.folder, self.program = tap, folder, program

    def rebuild(self, name, *entries):
        """(what it did, the database's path)."""
        archive = os.path.join(self.folder, name)
        os.mkdir(archive)
        with open(os.path.join(archive, "00000001.acarc"), "wb") as file:
            file.write(b"".join(entries))
        db = archive + ".db"
        return subprocess.run(
            [self.program, "rebuild", "--archive", archive, "--db", db],
            capture_output=True, text=True, check=False), db

    def hash(self, db):
        return subprocess.run([PROGRAM, "check", "--hash", "--db", db],
                              capture_output=True, text=True,
                              check=False).stdout

    def run(self):
        good = [an_import("atlas-1", 1, ["ams1", "ams2"]),
                an_import("atlas-1", 2, ["ams3"]),
                an_import("atlas-2", 3, ["lhr1"])]
        bad = [an_import("atlas-9", 4, ["x1", "x2", "x3"], spoil=2),
               entry("import", b'{"vp":"atlas-1"}\n'),
               entry("import", b"no JSON at all\n"), entry("import", b"")]
        want, db = self.rebuild("good", *good)
        self.tap.check(want.returncode == 0 and
                       want.stdout.startswith("3 batches, 0 repeated"),
                       "an archive without fault gives all of it", want)
        hashed = self.hash(db)
        have, db = self.rebuild("bad", good[0], bad[0], good[1], bad[1],
                                good[0], bad[2], bad[3], good[2])
        self.tap.check(have.returncode == 1 and have.stdout ==
                       "3 batches, 1 repeated, 0 acts, 4 refused, 0 damaged\n",
                       "what cannot be read is counted, the rest goes on",
                       have)
        self.tap.check(len(have.stderr.splitlines()) == 4 and
                       "line 5: t: " in have.stderr,
                       "each is named with file, byte, line and reason",
                       have.stderr)
        self.tap.check(hashed == self.hash(db) and len(hashed) == 65,
                       "and the content is that of the rest")
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as reader:
            left = reader.execute(
                "SELECT (SELECT count(*) FROM instance WHERE text LIKE 'x%'),"
                " (SELECT count(*) FROM vp WHERE name = 'atlas-9')").fetchone()
        self.tap.check(left == (0, 0), "nothing of it is left behind", left)
        done = subprocess.run([PROGRAM, "check", "--db", db],
                              capture_output=True, text=True, check=False)
        self.tap.check(done.returncode == 0, "the store checks", done)
        self.flipped(good, hashed)
        self.packs(good, hashed)

    def flipped(self, good, hashed):
        """One bit of what an entry holds."""
        other = an_import("atlas-3", 5, ["nrt1"])
        other = other.replace(b'nrt1', b'nrt0')
        have, db = self.rebuild("flipped", good[0], other, *good[1:])
        self.tap.check(have.returncode == 1 and have.stdout ==
                       "3 batches, 0 repeated, 0 acts, 0 refused, 1 damaged\n"
                       and "damaged entry" in have.stderr and
                       self.hash(db) == hashed,
                       "an entry with a bit flipped is left out and counted",
                       have)

    def packs(self, good, hashed):
        """Frames that are not made by our own program."""
        whole = packed(*good)
        act = entry("act", b'{"act":"vp","vp":"atlas-2"}')
        have, db = self.rebuild("packed", entry("pack", uploads.zstd_raw(
            packed(good[0]) + packed(act) + packed(*good[1:]))))
        self.tap.check(have.returncode == 0 and have.stdout ==
                       "3 batches, 0 repeated, 1 acts, 0 refused, 0 damaged\n"
                       and self.hash(db) == hashed,
                       "a pack gives all that is in it, in order", have)
        for what, data in (
                ("no zstd", whole), ("nothing", b""),
                ("a frame that is cut", uploads.zstd_raw(whole)[:-9]),
                ("one that says it has a terabyte", b"\x28\xb5\x2f\xfd\xe0" +
                 (1 << 40).to_bytes(8, "little") + b"\1\0\0")):
            have, db = self.rebuild(what, entry("pack", data), *good)
            self.tap.check(have.returncode == 1 and
                           have.stdout.endswith("0 refused, 1 damaged\n") and
                           "damaged pack" in have.stderr and
                           self.hash(db) == hashed,
                           f"a pack that is {what} is left out, and the rest "
                           "goes on", have)
        for what, data in (
                ("is longer than the pack", b"import 99999999\n{}\n"),
                ("has no length", b"import \n\n"),
                ("has less than nothing", b"import -1\n\n"),
                ("is of a kind without end", b"k" * 70 + b" 1\nx\n"),
                ("has no kind", b"7\nx\n"),
                ("does not end", b"import 3\nabcd")):
            have, db = self.rebuild(
                what, entry("pack", uploads.zstd_raw(packed(good[0]) + data)),
                *good[1:])
            self.tap.check(have.returncode == 1 and
                           have.stdout.startswith("3 batches") and
                           have.stdout.endswith(", 1 damaged\n") and
                           self.hash(db) == hashed,
                           f"what stands before an entry that {what} is kept",
                           have)


def main():
    tap = uploads.Tap()
    with tempfile.TemporaryDirectory(prefix=f"rebuild-{os.getpid()}-") as path:
        Test(tap, path).run()
    for what, source, old, new, words in MUTANTS:
        with tempfile.TemporaryDirectory(
                prefix=f"rebuild-{os.getpid()}-") as path:
            program = mutant.build(path, "accollect", [(source, old, new)])
            mutant.noticed(tap, f"a rebuild that leaves out {what}", words,
                           lambda quiet: Test(quiet, path, program).run())
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
