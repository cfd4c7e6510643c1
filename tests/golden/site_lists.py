#!/usr/bin/env python3
# Proves that a list of sites kept in the database names and places what reports show, from its time on and before every file, and is there again after a rebuild or a merge.
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

DAY_US = 86400 * 1000000
START_US = 1700006400 * 1000000  # 2023-11-15 00:00
SPOOL = "0a" * 16
REPORT = os.path.join(uploads.BUILD, "acreport")
COLUMNS = "service,identity,site,city,country,lat,lon\n"
FIRST = COLUMNS + """\
test,ams1,NL-AMS,Amsterdam,NL,52.37,4.9
test,node two,DE-FRA,Frankfurt,DE,50.11,8.68
"""
LATER = COLUMNS + "test,ams1,NL-RTM,Rotterdam,NL,51.92,4.48\n"
OTHER = COLUMNS + "test,LHR9,GB-LHR,London,GB,51.47,-0.45\n"
LINE = "test listed ams1 NL-AMS 52.37 4.9\n"
HOSTILE = (
    ("a", 1, "include /etc/passwd\n", "a:1: a kept list has lines of listed"),
    ("a", 1, LINE + "* regex (a+)+$ x\n", "a:2: a kept list has lines of"),
    ("a", 1, "hints\n", "a:1: a kept list has lines of listed"),
    ("a", 1, "test canary\n", "a:1: a kept list has lines of listed"),
    ("a", 1, "test strip -[0-9]+$\n", "a:1: a kept list has lines of listed"),
    ("a", 1, "test listed ams1 \x1b[2J 1 2\n", "a:1: not printable"),
    ("a", 1, LINE + "test listed x \u00fc 1 2\n", "a:2: not printable"),
    ("a", 1, "test listed ams1 X 91 4.9\n", "a:1: "),
    ("a", 1, "test listed " + "x" * 5000 + " X\n", "a:1: too long"),
    ("\x1b[2J", 1, LINE, "site list:1: a name is 1 to 40"),
    ("x" * 41, 1, LINE, "site list:1: a name is 1 to 40"),
)


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        self.folder = collector.folder

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def measure(self):
        """Two days of three vantage points and an instance each."""
        for n, answer in enumerate(("ams1", "node two", "LHR9")):
            key = Key(self.folder, f"vp{n}")
            self.collector.add_vp(f"vp{n}", key)
            for day in (0, 1):
                t = START_US + day * DAY_US
                batch = Batch(key, f"vp{n}", SPOOL, day + 1, [
                    uploads.record(t + i * 300000000, answer)
                    for i in range(10)], t)
                with open(self.path(f"{n}.{day}"), "wb") as file:
                    file.write(batch.file)
                self.collector.run("import", self.path(f"{n}.{day}"))

    def keep(self, name, text, *more, check=True):
        return self.collector.run(
            "sites", "import", "--format", "csv", "--list", name, *more,
            self.path("list.csv", text), check=check)

    def lists(self, db=None):
        return sql(db or self.collector.db, "SELECT name, since_time, lines"
                   " FROM v_site_list ORDER BY name, since")

    def run(self, *words, db=None):
        return subprocess.run([REPORT, words[0], "--db", db or
                               self.collector.db, *words[1:]], text=True,
                              capture_output=True, check=False)

    def sites(self, *more, name="catchment", until="2023-11-15"):
        until += "T02:00:00Z"
        window = ("--at", until, "--max-age", "3d") if name == "catchment" \
            else ("--since", "2023-11-15", "--until", until)
        done = self.run(name, "--format", "csv", *window, *more)
        assert done.returncode == 0, done.stderr
        return sorted({row["site"] for row in
                       csv.DictReader(io.StringIO(done.stdout))})

    def positions(self):
        done = self.run("sites", "--format", "geojson", "--since",
                        "2023-11-15", "--until", "2023-11-15T02:00:00Z")
        return {feature["properties"]["site"]:
                feature["geometry"] and feature["geometry"]["coordinates"]
                for feature in json.loads(done.stdout)["features"]}

    def used(self):
        none = self.sites()
        self.tap.check(none == ["LHR9", "ams1", "node two"],
                       "without a list an instance's name is its site", none)
        self.keep("own", FIRST)
        self.tap.check(self.lists() == [(
            "own", "1970-01-01T00:00:00Z",
            "test listed ams1 NL-AMS 52.37 4.9 city=\"Amsterdam\""
            " country=NL confidence=100\n"
            "test listed node\\032two DE-FRA 50.11 8.68 city=\"Frankfurt\""
            " country=DE confidence=100\n")], "a list is kept as lines of a "
            "site map", self.lists())
        found = self.sites()
        self.tap.check(found == ["DE-FRA", "LHR9", "NL-AMS"],
                       "catchment has its sites without a file", found)
        found = self.sites(name="sites")
        self.tap.check(found == ["DE-FRA", "LHR9", "NL-AMS"],
                       "sites has them too", found)
        found = self.positions()
        # which sounds like London to a build that knows airports
        self.tap.check(found.pop("LHR9") in ([-0.5, 51.5], None) and
                       found == {"NL-AMS": [4.9, 52.4], "DE-FRA": [8.7, 50.1]},
                       "and the positions", found)
        rules = self.path("own.map", "test prefix ams MAP-AMS 1 1\n"
                          "test prefix lhr MAP-LHR 2 2\n"
                          "test listed ams1 MAP-LISTED 3 3\n")
        found = self.sites("--site-map", rules)
        self.tap.check(found == ["DE-FRA", "MAP-LHR", "NL-AMS"],
                       "a list comes before the lines of --site-map", found)

    def times(self):
        self.keep("own", LATER, "--since", "2023-11-16")
        found = self.sites()
        self.tap.check(found == ["DE-FRA", "LHR9", "NL-AMS"],
                       "before a later list the earlier one counts", found)
        found = self.sites(until="2023-11-16")
        self.tap.check(found == ["LHR9", "NL-RTM", "node two"],
                       "from then on it alone", found)
        self.keep("more", OTHER, "--since", "2023-11-16T01:00:00Z")
        found = self.sites(until="2023-11-16")
        self.tap.check(found == ["GB-LHR", "NL-RTM", "node two"],
                       "lists of two names count together", found)
        said = self.collector.run("sites", "lists").stdout
        self.tap.check(said.splitlines() == [
            "name,since,lines", "more,2023-11-16T01:00:00Z,1",
            "own,1970-01-01T00:00:00Z,2", "own,2023-11-16T00:00:00Z,1"],
            "sites lists names them with time and lines", said)

    def acts(self):
        """How many were archived, by a reader that is not ours."""
        count = 0
        folder = os.path.join(self.folder, "archive")
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".acarc"):
                continue
            with open(os.path.join(folder, name), "rb") as file:
                while line := file.readline():
                    count += line.split()[2] == b"sites"
                    file.read(int(line.split()[3]) + 1)
        return count

    def again(self):
        before = self.lists()
        self.keep("own", FIRST)
        self.tap.check(self.lists() == before and self.acts() == 3,
                       "the same list again is nothing", self.acts())
        self.keep("own", LATER)
        self.keep("own", FIRST)
        self.tap.check(self.lists() == before and self.acts() == 5,
                       "another one since then replaces it", self.acts())
        again = self.path("again.db")
        done = self.collector.run("rebuild", "--db", again, check=False)
        self.tap.check(done.returncode == 0 and self.lists(again) == before,
                       "a rebuild has them again", done)
        other = self.path("other.db")
        self.collector.run("init", "--db", other)
        for _ in range(2):
            self.collector.run("import", "--db", other, "--format",
                               "accollect", self.collector.db)
        self.tap.check(self.lists(other) == before,
                       "a merge takes them over", self.lists(other))
        hashes = {self.collector.run("check", "--hash", "--db", db).stdout
                  for db in (self.collector.db, again, other)}
        self.tap.check(len(hashes) == 1, "all three have one hash", hashes)
        done = self.collector.run("check", check=False)
        self.tap.check(done.returncode == 0, "check finds nothing", done)

    def refused(self):
        before = self.lists()
        for words, reason in (
                (("import", "--format", "csv", "x"), "needs --list"),
                (("import", "--format", "csv", "--list", "a", "--output", "b",
                  "x"), "--list or --output"),
                (("import", "--format", "csv", "--list", "a", "--since",
                  "noon", "x"), "--since noon"),
                (("place", "x"), "takes no database"),
                (("place", "--list", "a"), "takes neither"),
                (("lists", "x"), "takes no word"),
                (("import", "--format", "csv", "--list", "A b",
                  self.path("list.csv", FIRST)), "a name is 1 to 40"),
                (("import", "--format", "csv", "--list", "a",
                  self.path("bytes.csv", COLUMNS + "t,b,\u00fc,,,1,2\n")),
                 "a:1: not printable"),
                (("import", "--format", "csv", "--list", "a", "--since",
                  "1969-01-01", self.path("list.csv", FIRST)), "no such time"),
        ):
            done = self.collector.run("sites", *words, check=False)
            self.tap.check(done.returncode == 2 and reason in done.stderr and
                           done.stderr.count("\n") == 1 and
                           self.lists() == before,
                           f"refused: sites {' '.join(words)}".replace(
                               self.folder, "."), done)

    def hostile(self):
        db = self.path("hostile.db")
        self.collector.run("init", "--db", db)
        target = self.path("target.db")
        self.collector.run("init", "--db", target)
        for name, since, lines, reason in HOSTILE:
            with sqlite3.connect(db) as write:
                write.execute("DELETE FROM site_list")
                write.execute("INSERT INTO site_list(name, since, lines)"
                              " VALUES(?, ?, ?)",
                              (name, since, lines))
            done = self.run("catchment", db=db)
            merged = self.collector.run(
                "import", "--db", target, "--format", "accollect", db,
                check=False)
            self.tap.check(
                done.returncode == 2 and reason in done.stderr and
                done.stderr.count("\n") == 1 and "\x1b" not in done.stderr and
                merged.returncode == 1 and reason in merged.stderr and
                not self.lists(target),
                f"a stranger's list is refused: {ascii(lines)[:40]} of "
                f"{ascii(name)[:20]}", done, merged)
        with sqlite3.connect(db) as write:
            write.execute("DELETE FROM site_list")
            write.executemany("INSERT INTO site_list(name, since, lines)"
                              " VALUES(?, 1, '')",
                              [(f"l{i}",) for i in range(65)])
        done = self.run("catchment", db=db)
        self.tap.check(done.returncode == 2 and "more than 64" in done.stderr,
                       "so are more lists than there can be", done)
        with sqlite3.connect(db) as write:
            write.execute("DELETE FROM site_list")
            write.execute("INSERT INTO site_list(name, since, lines)"
                          " VALUES('a', -1 << 63, '')")
        done = self.collector.run("import", "--db", target, "--format",
                                  "accollect", db, check=False)
        self.tap.check(done.returncode == 1 and "no such time" in done.stderr,
                       "and a time that is none", done)


def sql(path, query):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        test.measure()
        test.used()
        test.times()
        test.again()
        test.refused()
        test.hostile()
    finally:
        collector.remove()
    return test.tap.done()


if __name__ == "__main__":
    sys.exit(main())
