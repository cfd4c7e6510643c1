#!/usr/bin/env python3
# Proves that the operator's notes are kept once, listed in order, and there again after a rebuild or a merge.
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

NOTES = [
    ("2026-11-21T10:00:00Z", None, None, "a bad day"),
    ("2026-11-21T12:00:00Z", "root", "JNB", 'JNB is "drained", for once'),
    ("2026-11-21T12:00:00Z", "root", None, "=SUM(A1:A2) \\ 100%"),
]


def rows(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return db.execute("SELECT time, target, site, text FROM v_note"
                          " ORDER BY time, text DESC").fetchall()


def words(note):
    at, target, site, text = note
    more = (["--target", target] if target else []) + \
        (["--site", site] if site else [])
    return ["note", "add", "--at", at, *more, text]


REFUSED = (
    (["note"], "note: add or list"),
    (["note", "add"], "one text"),
    (["note", "add", "a", "b"], "one text"),
    (["note", "add", ""], "not 1 to 500 printable"),
    (["note", "add", "x" * 501], "not 1 to 500 printable"),
    (["note", "add", "tab\there"], "not 1 to 500 printable"),
    (["note", "add", "--at", "noon", "a"], "--at noon"),
    (["note", "add", "--site", "", "a"], "--site"),
    (["note", "list", "x"], "takes no word"),
)


def main():
    tap = uploads.Tap()
    collector = uploads.Collector()
    try:
        collector.make()
        for note in reversed(NOTES + NOTES):
            collector.run(*words(note))
        wanted = sorted(NOTES, key=lambda n: n[3], reverse=True)
        wanted.sort(key=lambda n: n[0])
        tap.check(rows(collector.db) == wanted,
                  "what is said twice is one note", rows(collector.db))
        said = collector.run("note", "list", "--format", "csv").stdout
        tap.check(said.splitlines()[1] ==
                  "2026-11-21T10:00:00Z,,,a bad day" and
                  '"JNB is ""drained"", for once"' in said and
                  ",'=SUM(A1:A2)" in said and len(said.splitlines()) == 4,
                  "note list prints them", said)
        for more, reason in REFUSED:
            done = collector.run(*more, check=False)
            tap.check(done.returncode == 2 and reason in done.stderr and
                      done.stderr.count("\n") == 1,
                      f"refused: {' '.join(more)[:40]!r}", done)
        again = os.path.join(collector.folder, "again.db")
        done = collector.run("rebuild", "--db", again, check=False)
        tap.check(done.returncode == 0 and rows(again) == wanted and
                  "3 acts" in done.stdout, "a rebuild has them again", done)
        other = os.path.join(collector.folder, "other.db")
        collector.run("init", "--db", other)
        for _ in range(2):
            collector.run("import", "--db", other, "--format", "accollect",
                          collector.db)
        tap.check(rows(other) == wanted, "and a merge takes them over",
                  rows(other))
        done = collector.run("check", check=False)
        tap.check(done.returncode == 0, "check finds nothing", done.stdout)
    finally:
        shutil.rmtree(collector.folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
