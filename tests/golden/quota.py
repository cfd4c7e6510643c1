#!/usr/bin/env python3
# Proves that a vantage point sends no more than its quota in a day, that others are not touched, and that conflicting batches are told apart by what happened and cannot fill the disk.
import csv
import io
import json
import os
import re
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

EVERY_S = 300
NOW_US = time.time_ns() // 1000 - 40 * EVERY_S * 10**6
KEPT = 16  # LIMIT_CONFLICTS_KEPT


class Test:
    def __init__(self, tap, collector):
        self.tap, self.collector = tap, collector
        self.keys = {}
        for name in ("good", "greedy", "copied", "restored", "liar"):
            self.keys[name] = Key(collector.folder, name)
            collector.add_vp(name, self.keys[name])

    def batch(self, vp, number, count=10, boot="one", round_no=None, rtt=1,
              spool="ab" * 16):
        """Of a round; two of the same round differ in round trips."""
        t_us = NOW_US + (number if round_no is None else round_no) * \
            EVERY_S * 10**6
        rows = [uploads.record(t_us + i * 100, rtt_us=rtt + i)
                for i in range(count)]
        body = uploads.zstd_raw("".join(
            json.dumps(line) + "\n" for line in
            [uploads.head(t_us, count, boot_id=boot), *rows]).encode())
        return Batch(self.keys[vp], vp, spool, number, rows, body=body)

    def send(self, *words, **more):
        return self.collector.upload(self.batch(*words, **more))[0]

    def whole(self, batch):
        """(status, headers) of an upload."""
        with self.collector.connect() as s:
            s.sendall(batch.request())
            return uploads.read_whole_answer(s)[:2]

    def ask(self, sql):
        with sqlite3.connect(f"file:{self.collector.db}?mode=ro",
                             uri=True) as db:
            return db.execute(sql).fetchall()

    # --- quota: 50 records a day ---

    def quota(self):
        said = [self.send("greedy", number) for number in range(1, 9)]
        self.tap.check(said == [201] * 5 + [429] * 3,
                       "what is over the quota is refused with 429", said)
        self.tap.check(self.send("greedy", 3) == 200,
                       "what is stored already is still receipted")
        status, headers = self.whole(self.batch("greedy", 9, count=1))
        left = 86400 - time.time() % 86400
        wait = int(headers.get("retry-after", 0))
        self.tap.check(status == 429 and left - 30 <= wait <= left + 700,
                       "it is told to come back tomorrow", status, wait, left)
        self.tap.check(all(self.send("good", n) == 201 for n in range(1, 5)),
                       "another vantage point is not touched")
        self.tap.check(self.send("good", 5, count=11) == 429 and
                       self.send("good", 6, count=10) == 201,
                       "a batch that fits is taken after one that did not")
        rows = self.ask("SELECT v.name, i.batches, i.records, i.bytes FROM "
                        "intake AS i JOIN vp AS v ON v.id = i.vp"
                        " ORDER BY 1")
        stored = self.ask("SELECT v.name, count(*), sum(b.rows) FROM batch AS"
                          " b JOIN vp AS v ON v.id = b.vp GROUP BY 1"
                          " ORDER BY 1")
        self.tap.check([row[:3] for row in rows] == stored and
                       all(row[3] > 0 for row in rows),
                       "intake is what was stored", rows, stored)
        with sqlite3.connect(self.collector.db) as db:
            db.execute("UPDATE intake SET day = day - 1")
        self.tap.check(self.send("greedy", 6) == 201,
                       "the next day it is taken again")

    def bytes_quota(self, collector):
        size = len(self.batch("good", 20).body)
        with open(collector.conf, encoding="ascii") as file:
            conf = file.read()
        with open(collector.conf, "w", encoding="ascii") as file:
            file.write(re.sub("vp_records_per_day = 50",
                              f"vp_bytes_per_day = {size * 5 // 2}", conf))
        collector.stop()
        with sqlite3.connect(self.collector.db) as db:
            db.execute("DELETE FROM intake")
        self.tap.check(collector.start(), "it starts with another quota",
                       collector.log())
        said = [self.send("good", number) for number in range(20, 24)]
        self.tap.check(said == [201, 201, 429, 429], "bytes are counted too",
                       said)

    # --- conflicts ---

    def kinds(self):
        """Ten rounds are stored of each; then what differs."""
        for vp in ("copied", "restored", "liar"):
            for number in range(1, 11):
                if self.send(vp, number, count=1) != 201:
                    self.tap.check(False, f"{vp} {number} is stored")
        said = [self.send("copied", 10, count=1, boot="two", rtt=9),
                self.send("copied", 9, count=1, boot="two", rtt=9),
                self.send("restored", 7, count=1, boot="three", round_no=11),
                self.send("restored", 8, count=1, round_no=12),
                self.send("liar", 4, count=1, rtt=9)]
        self.tap.check(said == [409] * 5, "all are refused", said)
        told = self.ask("SELECT v.name, c.kind, c.count, c.number FROM "
                        "conflict AS c JOIN vp AS v ON v.id = c.vp ORDER BY 1")
        self.tap.check(told == [("copied", "clone", 2, 9),
                                ("liar", "equivocation", 1, 4),
                                ("restored", "rollback", 2, 8)],
                       "a copy, a restored snapshot and a liar are told apart",
                       told)
        rows = csv.DictReader(io.StringIO(self.collector.run(
            "vp", "status", "--format", "csv").stdout))
        named = {row["vp"]: row["conflicts"] for row in rows}
        self.tap.check(named["copied"] == "clone: 2" and
                       named["restored"] == "rollback: 2" and
                       named["liar"] == "equivocation: 1" and
                       named["good"] == "", "vp status names them", named)
        self.tap.check(all(word in self.collector.log().decode() for word in
                           ("content: clone", "content: rollback",
                            "content: equivocation")), "the log does too")

    def bounded(self):
        folder = os.path.join(self.collector.folder, "archive", "conflict")
        before = set(os.listdir(folder))
        said = {self.send("liar", 1, count=1, rtt=100 + i)
                for i in range(KEPT + 8)}
        names = os.listdir(folder)
        mine = [name for name in names if name.startswith("liar_")]
        self.tap.check(said == {409} and len(mine) == KEPT and
                       before <= set(names),
                       f"of one vantage point {KEPT} are kept as evidence",
                       said, len(mine))
        self.tap.check(self.send("copied", 8, count=1, rtt=7) == 409 and
                       len(os.listdir(folder)) == len(names) + 1,
                       "and another one's are still kept")
        told = self.ask("SELECT count FROM conflict AS c JOIN vp AS v ON "
                        "v.id = c.vp WHERE name = 'liar'")
        self.tap.check(told == [(KEPT + 9,)], "all are counted", told)


def main():
    tap = uploads.Tap()
    collector = uploads.Collector()
    try:
        collector.make("vp_records_per_day = 50\n")
        test = Test(tap, collector)
        tap.check(collector.start(), "it serves", collector.log())
        test.quota()
        test.kinds()
        test.bounded()
        test.bytes_quota(collector)
        collector.stop()
        tap.check(collector.run("check", check=False).returncode == 0,
                  "the store checks")
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
