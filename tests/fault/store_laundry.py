#!/usr/bin/env python3
# Proves that a row that was damaged stays damaged for accollect check whichever of the acts that change rows changes it.
"""One good store; copies of it, each with one row damaged that an act then
changes. Every statement that sums a row again has its act here, and a program
in which it alone makes right what was damaged must be noticed by that act."""
import contextlib
import glob
import os
import random
import re
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import filled  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
MACRO = "SUM_AGAIN("
# Sums whatever is there.
PLAIN = ("#define SUM_AGAIN(", '#define SUM_PLAIN(before, after) '
         '"sum = row_sum(" after ")"\n#define SUM_AGAIN(')
DAY = filled.START_US // 86400 // 10**6


def users():
    """{statement: (source, its text as far as the macro)}"""
    found = {}
    for path in glob.glob("collector/*.c", root_dir=uploads.ROOT):
        with open(os.path.join(uploads.ROOT, path), encoding="utf-8") as file:
            text = file.read()
        for use in re.finditer(r"(?<!#define )\bSUM_AGAIN\(", text):
            start = text.rindex("[STATEMENT_", 0, use.start())
            name = re.match(r"\[STATEMENT_(\w+)\]", text[start:])[1]
            found[name] = (path, text[start:use.start()])
    return found


class Test(filled.Copies):
    def __init__(self, tap, collector):
        super().__init__(collector)
        self.tap = tap
        self.filler = filled.Filler(collector, random.Random(SEED))
        self.filler.fill()
        self.server = self.server_of_copy()
        self.tap.check(self.check_of_good() == 0, "a good store has no fault",
                       self.said)

    def check_of_good(self):
        with self.life():
            pass
        return self.check()

    def server_of_copy(self):
        """With the same certificate, and an archive of its own."""
        server = uploads.Collector(folder=self.folder)
        server.certificate = self.collector.certificate
        with open(self.collector.conf, encoding="ascii") as file:
            conf = file.read()
        for key in ("db", "archive"):
            conf = conf.replace(f'{key} = "{self.collector.folder}/',
                                f'{key} = "{self.folder}/')
        with open(server.conf, "w", encoding="ascii") as file:
            file.write(conf)
        return server

    # --- acts: why one did not do what it should, or None ---

    def run(self, *words):
        self.server.program = self.program
        done = self.server.run(*words, check=False)
        return done.stderr if done.returncode else None

    def upload(self, batch, *statuses):
        self.server.program = self.program
        shutil.rmtree(os.path.join(self.folder, "archive"),
                      ignore_errors=True)
        try:
            if not self.server.start():
                return self.server.log()
            status = self.server.upload(batch)[0]
        finally:
            self.server.stop()
        return None if status in statuses else f"{status}"

    def bring(self, batch):
        path = os.path.join(self.folder, "batch")
        with open(path, "wb") as file:
            file.write(batch.file)
        return self.run("import", path)

    # {statement: (table, how a row of it is damaged, what then changes it)}
    ACTS = {
        "REVOKE_KEY": (
            "vp_key", "SET since = since + 1 WHERE until > 0",
            lambda self: self.run(
                "vp", "revoke", "par1", self.filler.keys["par1"].keyid, "--at",
                "2025-02-01T00:00:00Z")),
        # From the same addresses, later on the same day.
        "ADD_REPORTED": (
            "vp_address", f"SET first = first + 1 WHERE day = {DAY} AND vp ="
            " (SELECT id FROM vp WHERE name = 'par1')",
            lambda self: self.bring(self.filler.batch(
                "par1", 2, filled.START_US + 1800 * 10**6,
                addresses=["198.51.100.7", "2001:500::1"]))),
        "ADD_INTAKE": (
            # Of today, which another day may have become.
            "intake", "SET bytes = bytes + 1, day = strftime('%s') / 86400",
            lambda self: self.upload(self.filler.batch(
                "fra1", 3, filled.UPLOAD_US + 2 * filled.HOUR_US), 201)),
        "COUNT_CONFLICT": (
            "conflict", "SET first = first - 1",
            lambda self: self.upload(self.filler.cloned(), 409)),
        "COUNT_REFUSAL": (
            "refusal", "SET count = count + 1 WHERE reason = 'bad record'",
            lambda self: self.upload(self.filler.refused(), 400, 422)),
        "PRUNE_DONE": (
            "batch", "SET lost = 7 WHERE pruned = 0",
            lambda self: self.run("prune", "--raw", "1")),
        "NEXT_EPOCH": (
            "setting", "SET value = value + 7 WHERE name = 'names_epoch'",
            lambda self: self.run("prune", "--raw", "1", "--runs", "1",
                                  "--intervals", "1")),
    }

    def rows_of(self, table):
        """Without their sums."""
        with contextlib.closing(sqlite3.connect(self.copy)) as db:
            names = [row[1] for row in db.execute(
                f"PRAGMA table_info({table})") if row[1] != "sum"]
            return set(db.execute(f"SELECT {', '.join(names)} FROM {table}"))

    def act(self, name):
        """What was damaged is changed, and is found."""
        table, damage, change = self.ACTS[name]
        with self.life():
            pass
        good = self.rows_of(table)
        with self.life() as db:
            db.execute(f"UPDATE {table} {damage}")
        damaged = self.rows_of(table) - good
        why = change(self)
        after = self.rows_of(table)
        self.tap.check(damaged and not why and not damaged & after,
                       f"{name} changes what was damaged", why, damaged)
        code = self.check()
        self.tap.check(
            code == 1 and "not ok: every row that" in self.said and
            f"  {table} " in self.said,
            f"{name} makes it no better", code, self.said)

    def acts(self):
        for name in self.ACTS:
            self.act(name)

    def mutants(self):
        """Each makes right what its own act changes."""
        own, tap = self.program, self.tap
        found = users()
        for name in [name for name in self.ACTS if name in found]:
            source, start = found[name]
            self.program = mutant.build(
                self.collector.folder, "accollect",
                [(source, *PLAIN), (source, start + MACRO,
                                    start + "SUM_PLAIN(")])
            self.tap = mutant.Quiet()
            self.act(name)
            faults, self.program, self.tap = self.tap.faults, own, tap
            tap.check(faults == [f"{name} makes it no better"],
                      f"one in which {name} sums whatever is there is noticed",
                      *faults)


def main():
    tap = uploads.Tap()
    collector = uploads.Collector().make(filled.CONF)
    try:
        found = set(users())
        tap.check(found == set(Test.ACTS) and found, "every statement that "
                  "sums a row again has its act", found ^ set(Test.ACTS))
        test = Test(tap, collector)
        test.acts()
        test.mutants()
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
