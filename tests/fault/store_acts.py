#!/usr/bin/env python3
# Proves that accollect check, where it knows the archive, names each act whose row is gone from the store.
"""One store with an act of each kind; copies of it, each without the rows that
one kind has made. A check that passes over a kind must fail it."""
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import filled  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

LINE = "every act of the archive is in the store"
# What is taken out of each kind, and what names it.
GONE = (("vp", "DELETE FROM vp WHERE name = 'idle1'", "  vp idle1\n"),
        ("place", "DELETE FROM vp_place", "  place par1 "),
        ("key", "DELETE FROM vp_key WHERE until IS NULL", "  key fra1 "),
        ("revoke", "UPDATE vp_key SET until = NULL WHERE until > 0",
         "  revoke par1 "),
        ("seen", "DELETE FROM vp_address WHERE af > 0", "  seen fra1 "),
        ("note", "DELETE FROM note WHERE site = 'AMS'",
         "a card was replaced"),
        ("sites", "DELETE FROM site_list", "  sites "))
# What the line does not speak of: a column that has a sum.
CHANGED = ("UPDATE note SET t = t + 1, text = 'another'", "note")


class Test:
    def __init__(self, tap, collector):
        self.tap, self.collector = tap, collector
        filled.Filler(collector, random.Random(1)).fill()
        self.program = collector.program
        self.copy = os.path.join(collector.folder, "copy.db")
        with self.life():
            pass
        tap.check(self.check() == 0 and f"\nok: {LINE}\n" in self.said,
                  "a store that has every act is good", self.said)
        tap.check(self.check(archive=False) == 0 and LINE not in self.said,
                  "without an archive nothing is said of acts", self.said)

    def check(self, archive=True):
        words = ("--archive", f"{self.collector.folder}/archive")
        done = subprocess.run(
            [self.program, "check", "--db", self.copy, *words * archive],
            capture_output=True, text=True, check=False)
        self.said = done.stdout + done.stderr
        return done.returncode

    @contextlib.contextmanager
    def life(self):
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.copy + end)
        with contextlib.closing(sqlite3.connect(self.collector.db)) as db:
            db.execute("VACUUM INTO ?", (self.copy,))
        with contextlib.closing(sqlite3.connect(self.copy)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            yield db
            db.commit()

    def gone(self, kinds=GONE):
        """Kinds of which it is not said that one is missing."""
        missed = {}
        for kind, sql, words in kinds:
            with self.life() as db:
                rows = db.execute(sql).rowcount
            if rows < 1:
                raise AssertionError(f"{kind}: no row for {sql}")
            code = self.check()
            behind = self.said.find(f"not ok: {LINE}")
            if code != 1 or behind == -1 or words not in self.said[:behind]:
                missed[kind] = self.said
        return missed

    def run(self):
        missed = self.gone()
        self.tap.check(not missed, f"rows that are gone of {len(GONE)} kinds "
                       "of acts are named", missed)
        with self.life() as db:
            db.execute(CHANGED[0])
        self.tap.check(self.check() == 1 and "  note 1\n" in self.said,
                       "a note that is another is named", self.said)
        kinds = [kind for kind, _, _ in GONE]
        for n, kind in enumerate(kinds):
            others = ", ".join(f"'{other}'" for other in kinds if
                               other != kind)
            self.program = mutant.build(
                self.collector.folder, "accollect",
                [("collector/statements_check.c",
                  "WHERE act IN ('vp', 'place', 'key', 'revoke',\"\n"
                  "    \" 'seen', 'note', 'sites')",
                  f"WHERE act IN ({others})")])
            found = self.gone(GONE[n:n + 1])
            self.tap.check(found, f"a check that passes over {kind} is "
                           "noticed", self.said)
        self.program = self.collector.program


def main():
    tap = uploads.Tap()
    collector = uploads.Collector().make(filled.CONF)
    try:
        Test(tap, collector).run()
    finally:
        shutil.rmtree(collector.folder + ".copy", ignore_errors=True)
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
