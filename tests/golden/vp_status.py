#!/usr/bin/env python3
# Proves that accollect vp status names the missing, evicted, skipped and refused batches of each vantage point, and tells silence, clock and version.
import csv
import io
import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

OLD, NEW = "0a" * 16, "0b" * 16
NOW_US = time.time_ns() // 1000


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        self.keys = {}
        for name in ("ok1", "silent1", "never1"):
            self.keys[name] = Key(collector.folder, name)
            collector.add_vp(name, self.keys[name])

    def bring(self, vp, spool, number, ago_s, **more):
        """Import a batch of one record; what import said."""
        t_us = NOW_US - ago_s * 1000000
        lines = [uploads.head(t_us, 1) | more.pop("head", {}),
                 uploads.record(t_us, **more)]
        body = uploads.zstd_raw("".join(
            json.dumps(line) + "\n" for line in lines).encode())
        batch = Batch(self.keys[vp], vp, spool, number, body=body, count=1)
        path = os.path.join(self.collector.folder, "batch")
        with open(path, "wb") as file:
            file.write(batch.file)
        return self.collector.run("import", path, check=False)

    def status(self, *words):
        out = self.collector.run("vp", "status", "--format", "csv",
                                 *words).stdout
        return list(csv.DictReader(io.StringIO(out)))

    def fill(self):
        self.bring("ok1", OLD, 2, 90000)
        for number in (1, 2, 5, 6, 9):
            self.bring("ok1", NEW, number, 100 - number,
                       head={"clock": "synced", "clock_offset_us": -17,
                             "version": "7.1", "lost": int(number == 5),
                             "skipped": 3 * (number == 9)})
        self.bring("silent1", NEW, 1, 901)
        self.bring("silent1", OLD, 1, 100000, head={"every_s": 0})

    def state(self):
        rows = {(row["vp"], row["spool"]): row for row in self.status()}
        self.tap.check(
            {key: row["state"] for key, row in rows.items()} == {
                ("ok1", NEW): "ok", ("ok1", OLD): "ended",
                ("silent1", NEW): "silent", ("silent1", OLD): "ended",
                ("never1", ""): "never"},
            "each spool is ok, silent or ended, and who never sent is there",
            rows)
        ok = rows[("ok1", NEW)]
        self.tap.check((ok["missing"], ok["missing_numbers"]) ==
                       ("4", "3-4 7-8"), "missing batches are named", ok)
        self.tap.check((ok["evicted"], ok["skipped"]) == ("1", "3"),
                       "evicted batches and skipped rounds are counted", ok)
        self.tap.check((ok["clock"], ok["clock_offset_us"], ok["version"]) ==
                       ("synced", "-17", "7.1"),
                       "clock and version are those of the latest batch", ok)
        self.tap.check(91 <= int(ok["silence_s"]) < 300,
                       "silence counts from the latest record", ok)
        old = rows[("ok1", OLD)]
        self.tap.check((old["missing"], old["missing_numbers"]) == ("1", "1"),
                       "a spool that begins with 2 lacks 1", old)

    def refusals(self):
        self.bring("ok1", NEW, 20, 10, rtt_us=-5)
        self.bring("ok1", NEW, 21, 10, t="yesterday")
        self.bring("ok1", NEW, 9, 5)
        self.keys["ok1"], kept = self.keys["silent1"], self.keys["ok1"]
        self.bring("ok1", NEW, 22, 10)  # signed with another's key
        self.keys["ok1"] = kept
        rows = self.status("ok1")
        self.tap.check([row["refused"] for row in rows] ==
                       ["bad record: 2, conflict: 1", ""],
                       "refused batches are counted by reason, and only "
                       "those that the vantage point had signed", rows)
        self.tap.check(self.collector.run(
            "vp", "list", "--format", "csv").stdout.startswith(
                "vp,since,lat,lon,region,country,city,asn,tags,keys,batches,"
                "last\nnever1,"), "vp list has its columns")

    def import_is_no_spool(self):
        self.collector.run("vp", "add", "atlas-1")
        with sqlite3.connect(self.collector.db) as db:
            db.execute("INSERT INTO spool(name) VALUES('ripe-atlas:1')")
            db.execute(
                "INSERT INTO batch(vp, spool, number, sha256, t0, t1,"
                " first_row, rows, questions, host, received) SELECT id,"
                " (SELECT id FROM spool WHERE name = 'ripe-atlas:1'), 1700000000, x'00', 1, 1, 1, 0, 0, 1, 1"
                " FROM vp WHERE name = 'atlas-1'")
        row = self.status("atlas-1")[0]
        self.tap.check((row["missing"], row["missing_numbers"]) == ("", ""),
                       "numbers of an import have no gaps", row)

    def usage(self):
        done = [self.collector.run("vp", "status", *words, check=False)
                for words in (("a", "b"), ("--format", "xml"))]
        self.tap.check(all(d.returncode == 2 and len(d.stderr.splitlines()) == 1
                           for d in done), "a usage error is one line", *done)


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        test.fill()
        test.state()
        test.refusals()
        test.import_is_no_spool()
        test.usage()
        return test.tap.done()
    finally:
        collector.remove()


if __name__ == "__main__":
    sys.exit(main())
