#!/usr/bin/env python3
# Proves that a key revoked at a time signs nothing measured after it, that what it signed before stays and is told apart, and that a rebuild says the same.
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SPOOL = "0c" * 16
START_US = 1700000000000000
MINUTE_US = 60000000


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        self.key = Key(collector.folder, "lon1")
        self.next = Key(collector.folder, "next")
        collector.add_vp("lon1", self.key)

    def bring(self, number, minute, key=None, span_us=0):
        t_us = START_US + minute * MINUTE_US
        batch = Batch(key or self.key, "lon1", SPOOL, number,
                      [uploads.record(t_us), uploads.record(t_us + span_us)],
                      t_us)
        path = os.path.join(self.collector.folder, "batch")
        with open(path, "wb") as file:
            file.write(batch.file)
        out = self.collector.run("import", path, check=False).stdout
        return out.split(": ", 1)[1].split(":")[0]

    def revoke(self, minute, keyid=None):
        return self.collector.run(
            "vp", "revoke", "lon1", keyid or self.key.keyid, "--at",
            uploads.utc(START_US + minute * MINUTE_US), check=False)

    def flags(self, path=None):
        with sqlite3.connect(path or self.collector.db) as db:
            return dict(db.execute("SELECT number, revoked FROM v_batch"))

    def before(self):
        self.bring(1, 0)
        self.bring(2, 10)
        self.bring(3, 20)
        self.tap.check(self.flags() == {1: None, 2: None, 3: None},
                       "nothing is flagged while the key holds",
                       self.flags())
        done = self.revoke(15)
        self.tap.check(done.returncode == 0 and
                       done.stdout.endswith("2 were measured earlier, 1 later"
                                            "\n"),
                       "revoking says how much the key had signed", done)

    def after(self):
        said = [self.bring(4, 15), self.bring(5, 25),
                self.bring(6, 14, span_us=MINUTE_US)]
        self.tap.check(said == ["revoked key"] * 3,
                       "a batch measured at that time or after, or across it, "
                       "is refused", said)
        said = self.bring(7, 14)
        self.tap.check(said == "stored",
                       "one measured before is taken, however late", said)
        self.tap.check(self.flags() == {1: "earlier", 2: "earlier",
                                        3: "later", 7: "earlier"},
                       "what the key signed is told apart", self.flags())

    def another_key(self):
        self.collector.run(
            "vp", "add", "lon1", "--key", self.next.public_path, "--since",
            uploads.utc(START_US + 15 * MINUTE_US))
        said = [self.bring(8, 25, self.next), self.bring(9, 14, self.next)]
        self.tap.check(said == ["stored", "revoked key"],
                       "the next key holds from its time on", said)
        keys = self.collector.run("vp", "list").stdout
        self.tap.check(self.next.keyid in keys and self.key.keyid not in keys,
                       "vp list shows the keys that hold", keys)

    def rebuilt(self):
        new = os.path.join(self.collector.folder, "new.db")
        done = self.collector.run("rebuild", "--db", new, check=False)
        hashes = [self.collector.run("check", "--hash", *words).stdout
                  for words in ((), ("--db", new))]
        self.tap.check(done.returncode == 0 and hashes[0] == hashes[1],
                       "a rebuild revokes too", done, *hashes)

    def corrected(self):
        self.revoke(30)
        self.tap.check(self.bring(5, 25) == "stored" and
                       self.flags()[3] == "earlier",
                       "another time replaces the first", self.flags())

    def over_http(self):
        self.revoke(15)
        started = self.collector.start()
        t_us = START_US + 40 * MINUTE_US
        batch = Batch(self.key, "lon1", SPOOL, 50, [uploads.record(t_us)],
                      t_us)
        status, body = self.collector.upload(batch) if started else (0, b"")
        self.collector.stop()
        self.tap.check(status == 422 and b"did not hold" in body,
                       "an upload gets 422 and the reason", status, body)

    def usage(self):
        done = [self.revoke(1, "0" * 16),
                self.collector.run("vp", "revoke", "nobody", "0" * 16,
                                   check=False),
                self.collector.run("vp", "revoke", "lon1", check=False),
                self.collector.run("vp", "revoke", "lon1", self.key.keyid,
                                   "--at", "soon", check=False)]
        self.tap.check(all(d.returncode == 2 and len(d.stderr.splitlines()) == 1
                           for d in done),
                       "no such key, name or time is one line", *done)


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        test.before()
        test.after()
        test.another_key()
        test.rebuilt()
        test.corrected()
        test.over_http()
        test.usage()
        return test.tap.done()
    finally:
        collector.remove()


if __name__ == "__main__":
    sys.exit(main())
