#!/usr/bin/env python3
# Proves that accollect vp add --file adds the vantage points of a CSV file, all or none, as one by one would have, and that the archive has them.
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

FACTS = {
    "ams-1": {"lat": "52.3", "lon": "4.9", "region": "eu", "country": "NL",
              "city": 'Amsterdam, "Oost"', "asn": "AS64500",
              "tags": "dc fast", "since": "2026-01-02"},
    "lax-1": {"lat": "34.0", "lon": "-118.2", "country": "US"},
    "sin-1": {"city": "Singapore"},
}
COLUMNS = ("country", "name", "key", "lat", "lon", "region", "city", "asn",
           "tags", "since")


def quote(text):
    return '"' + text.replace('"', '""') + '"' if text else ""


def csv(facts, keys):
    rows = [facts[name] | {"name": name, "key": keys[name].public_path}
            for name in facts]
    return "".join(",".join(line) + "\r\n" for line in (
        COLUMNS, *([quote(row.get(column, "")) for column in COLUMNS]
                   for row in rows)))


def content(db):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
        return [connection.execute(sql).fetchall() for sql in (
            "SELECT v.name, p.since, lat, lon, region, country, city, asn, "
            "tags FROM vp AS v LEFT JOIN vp_place AS p ON p.vp = v.id "
            "ORDER BY 1, 2",
            "SELECT v.name, keyid, hex(public), since FROM vp_key AS k JOIN "
            "vp AS v ON v.id = k.vp ORDER BY 1, 2")]


def from_file(collector, text):
    return subprocess.run(
        [collector.program, "vp", "add", "--file", "-", "-f", collector.conf],
        input=text, text=True, capture_output=True, check=False)


def main():
    tap = uploads.Tap()
    singly, together = uploads.Collector(), uploads.Collector()
    try:
        singly.make()
        together.make()
        keys = {name: uploads.Key(singly.folder, name) for name in FACTS}
        for name, facts in FACTS.items():
            singly.add_vp(name, keys[name], **facts)
        text = csv(FACTS, keys)
        for bad, line in (("lat", 4), ("key", 4), ("name", 4)):
            wrong = dict.fromkeys(FACTS, None) | FACTS
            wrong["sin-1"] = FACTS["sin-1"] | (
                {"lat": "91", "lon": "0"} if bad == "lat" else {})
            lines = csv(wrong, keys)
            if bad == "key":
                lines = lines.replace("sin-1.pub", "none.pub")
            if bad == "name":
                lines = lines.replace('"sin-1"', '"SIN 1"')
            done = from_file(together, lines)
            tap.check(done.returncode == 2 and
                      len(done.stderr.splitlines()) == 1 and
                      (bad == "key" or f"line {line}" in done.stderr) and
                      content(together.db) == [[], []],
                      f"after a wrong {bad} nothing is added", done)
        for _ in range(2):
            done = from_file(together, text)
        tap.check(done.returncode == 0 and "3 vantage points" in done.stdout
                  and content(together.db) == content(singly.db) and
                  len(content(together.db)[1]) == 3,
                  "a file adds what one by one adds, and twice the same",
                  done, content(together.db), content(singly.db))
        other = csv({"fra-1": {}}, {"fra-1": keys["ams-1"]})
        done = from_file(together, other)
        tap.check(done.returncode == 2 and "another vantage point" in
                  done.stderr and content(together.db) == content(singly.db),
                  "the key of another is refused", done)
        new = os.path.join(together.folder, "new.db")
        done = subprocess.run(
            [together.program, "rebuild", "--archive",
             os.path.join(together.folder, "archive"), "--db", new],
            capture_output=True, text=True, check=False)
        tap.check(done.returncode == 0 and content(new) == content(singly.db),
                  "a rebuild has them", done)
        done = together.run("vp", "add", "x", "--file", "-", check=False)
        tap.check(done.returncode == 2, "a name beside a file is refused",
                  done)
        return tap.done()
    finally:
        singly.remove()
        together.remove()


if __name__ == "__main__":
    sys.exit(main())
