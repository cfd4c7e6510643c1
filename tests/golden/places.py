#!/usr/bin/env python3
# Proves that vantage points have the place and network of their addresses where nobody said them, that a record stays where it was measured, and that regions follow.
import csv
import io
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mmdb  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SEED = int(os.environ.get("SEED") or 20261123)
SPOOL = "0a" * 16
DAY_US = 86400 * 1000000
START_US = 1700006400 * 1000000  # 2023-11-15 00:00
DAYS = 8
REPORT = os.path.join(uploads.BUILD, "acreport")
PLACES = {
    "2.16.0.0/16": {"country": {"iso_code": "DE"},
                    "city": {"names": {"en": "M\u00fcnchen"}}},
    "2.17.0.0/16": {"country": {"iso_code": "FR"}},
    "2.18.0.0/16": {"country": {"iso_code": "BR"},
                    "city": {"names": {"en": "Recife"}}},
    "127.0.0.0/8": {"country": {"iso_code": "NL"},
                    "city": {"names": {"en": "Delft"}}},
    "2a00::/16": {"country": {"iso_code": "SE"}},
}
NETWORKS = {
    "2.16.0.0/16": {"asn": "AS64500", "as_name": "Sixteen"},
    "2.17.0.0/16": {"asn": "AS64501", "as_name": "Seventeen"},
    "2.18.0.0/16": {"asn": "AS64502", "as_name": "Eighteen"},
}
HOMES = {("2.16.0.1",): "DE", ("2.17.3.4", "2a00::5"): "FR",
         ("10.0.0.1", "2a00::5"): "SE", ("2.18.0.9", "fd00::1"): "BR",
         ("5.5.5.5", "2.16.9.9"): "DE"}


class Test:
    def __init__(self, collector):
        self.tap = uploads.Tap()
        self.collector = collector.make()
        self.folder = collector.folder
        self.numbers, self.keys = {}, {}
        self.files = []
        for name, records in (("city", PLACES), ("asn", NETWORKS)):
            self.files += ["--mmdb", os.path.join(self.folder, name)]
            mmdb.write(self.files[-1], records)

    def add(self, name, **place):
        self.keys[name] = Key(self.folder, name)
        self.collector.add_vp(name, self.keys[name], **place)

    def batch(self, vp, t_us, addresses, answer="ams1"):
        """Ten records in half an hour."""
        self.numbers[vp] = self.numbers.get(vp, 0) + 1
        lines = [uploads.head(t_us, 10, addresses=addresses)] + [
            uploads.record(t_us + i * 180000000, answer)
            for i in range(10)]
        body = uploads.zstd_raw("".join(
            json.dumps(line) + "\n" for line in lines).encode())
        return Batch(self.keys[vp], vp, SPOOL, self.numbers[vp], body=body,
                     count=10)

    def bring(self, batches):
        for i, batch in enumerate(batches):
            with open(f"{self.folder}/{i}.acb", "wb") as file:
                file.write(batch.file)
        self.collector.run("import", *(f"{self.folder}/{i}.acb"
                                       for i in range(len(batches))))

    def report(self, *words, code=0):
        done = subprocess.run(
            [REPORT, words[0], "--db", self.collector.db, "--format", "csv",
             *words[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout))), done.stderr

    def vps(self, *words):
        rows, said = self.report("vps", "--since", "2023-11-15", "--until",
                                 "2023-11-23", *words)
        return {row["vp"]: row for row in rows}, said

    def who_says(self):
        """Each fact by the operator, else by the address."""
        self.add("said", country="AT", city="Wien", asn="65000")
        self.add("some", lat="1", lon="2", asn="64501")
        self.add("nat")
        self.add("never")
        self.bring([self.batch("said", START_US, ["2.16.0.1"]),
                    self.batch("some", START_US, ["2.17.0.1"]),
                    self.batch("nat", START_US, ["192.168.1.1"])])
        rows, said = self.vps(*self.files)
        self.tap.check(said == "", "nothing is amiss", said)
        for vp, wanted in (
                ("said", "AT Wien 65000  configuration configuration"),
                ("some", "FR  64501 Seventeen address configuration"),
                ("nat", "     "), ("never", "     ")):
            got = " ".join(rows[vp][c] for c in (
                "country", "city", "asn", "as_name", "place_by", "asn_by"))
            self.tap.check(got == wanted, f"{vp}: place and network, and "
                           "whose word they are", got)
        self.tap.check(
            [rows[vp]["region"] for vp in ("said", "some", "nat")] ==
            ["Western Europe", "Western Europe", ""],
            "the region is the country's", rows)
        self.tap.check((rows["said"]["reported"], rows["nat"]["reported"],
                        rows["nat"]["seen"]) == ("2.16.0.1", "", ""),
                       "global addresses are shown as reported", rows)

    def seen(self):
        """Behind NAT it is the address that the collector saw."""
        self.collector.start()
        batch = self.batch("nat", START_US + DAY_US, ["192.168.1.1"])
        status, _ = self.collector.upload(batch)
        other = self.batch("said", START_US + DAY_US, ["2.16.0.1"])
        self.collector.upload(other)
        self.collector.stop()
        rows, _ = self.vps(*self.files)
        nat = rows["nat"]
        self.tap.check(
            status == 201 and (nat["country"], nat["city"], nat["seen"],
                               nat["place_by"], nat["region"]) ==
            ("NL", "Delft", "127.0.0.1", "address", "Western Europe"),
            "an upload shows where a vantage point behind NAT is", nat)
        self.tap.check((rows["said"]["country"], rows["said"]["seen"],
                        rows["said"]["reported"]) ==
                       ("AT", "127.0.0.1", "2.16.0.1"),
                       "both addresses are kept", rows["said"])
        stated = self.collector.run("vp", "status", "--format", "csv",
                                    "nat").stdout
        row = list(csv.DictReader(io.StringIO(stated)))[0]
        self.tap.check((row["seen"], row["addresses"]) ==
                       ("127.0.0.1", "192.168.1.1"),
                       "vp status shows both", row)

    def moving(self):
        """Random journeys, there and back on each day, brought in random order:
        each record counts where its own batch says that the host was."""
        print(f"# seed {SEED}")
        draw = random.Random(SEED)
        batches, wanted = [], {}
        for i in range(4):
            vp = f"mover{i}"
            self.add(vp)
            home = draw.choice(list(HOMES))
            for day in range(DAYS):
                leave, back = sorted(draw.sample(range(24), 2))
                away = draw.choice([h for h in HOMES if h != home])
                for hour in range(0, 24, draw.choice((2, 4))):
                    at = away if leave <= hour < back else home
                    batches.append(self.batch(
                        vp, START_US + day * DAY_US + hour * 3600000000,
                        list(at)))
                    wanted[HOMES[at]] = wanted.get(HOMES[at], 0) + 10
                home = draw.choice((home, away))
        draw.shuffle(batches)
        self.bring(batches)
        rows, _ = self.report(
            "latency", "--by", "country", "--since", "2023-11-15", "--until",
            "2023-11-23", *self.files, *(
                word for i in range(4) for word in ("--vp", f"mover{i}")))
        got = {row["country"]: int(row["samples"]) for row in rows}
        self.tap.check(got == wanted and len(wanted) > 2,
                       f"all {sum(wanted.values())} records of journeys are "
                       "where they were measured", got, wanted)
        self.others(wanted)
        rows, _ = self.report(
            "latency", "--by", "country", "--since", "2023-11-15", "--until",
            "2023-11-23", "--vp", "mover1")
        self.tap.check([row["country"] for row in rows] == [""],
                       "without a database addresses say nothing", rows)

    def others(self, wanted):
        """Every report takes its places from the same files."""
        movers = [f"mover{i}" for i in range(4)]
        words = ("--since", "2023-11-15", *self.files,
                 *(word for vp in movers for word in ("--vp", vp)))
        end = ("--until", "2023-11-23")
        rows, _ = self.report("availability", "--by", "country", *words, *end)
        got = {row["country"]: int(row["asked"]) for row in rows}
        self.tap.check(got == wanted, "availability has the same", got)
        now = {vp: row["country"] for vp, row in self.vps(*self.files)[0]
               .items() if vp in movers}
        rows, _ = self.report("catchment", "--at", "2023-11-23", *words)
        got = {row["vp"]: row["country"] for row in rows}
        self.tap.check(got == now, "catchment has them where they are at the "
                       "time", got, now)
        rows, _ = self.report("catchment", "--by", "country", "--at",
                              "2023-11-23", "--max-age", "30d", *words)
        got = {row["country"] for row in rows}
        self.tap.check(got == set(now.values()), "shares too", got, now)
        rows, _ = self.report("identities", *words, *end)
        got = {country for row in rows
               for country in row["countries"].split("; ")}
        self.tap.check(got and got <= set(wanted), "and identities", got)

    def judged(self):
        """What three networks see is the service's own, whoever says which
        networks they are."""
        path = os.path.join(self.folder, "scheme")
        with open(path, "w", encoding="ascii") as file:
            file.write("test regex ^good[0-9]$ good\n")
        seers = {f"seer{i}": (f"2.{16 + i}.0.1", "odd") for i in range(3)}
        seers |= {"seer3": ("2.16.0.2", "good1"), "seer4": ("2.17.0.2",
                                                            "good2")}
        for vp in seers:
            self.add(vp)
        at = START_US + 9 * DAY_US
        self.bring([self.batch(vp, at, [address], answer)
                    for vp, (address, answer) in seers.items()])
        words = ("identities", "--since", "2023-11-24", "--until",
                 "2023-11-25", "--site-map", path)
        notes = []
        for files in (self.files, ()):
            rows, _ = self.report(*words, *files)
            notes.append({row["instance"]: "intercepted" in row["note"]
                          for row in rows})
        self.tap.check(notes[0] == {"odd": False, "good1": False,
                                    "good2": False},
                       "a name seen from three networks is nobody else's",
                       notes[0])
        self.tap.check(notes[1]["odd"], "without the files that is not known",
                       notes[1])

    def rebuilt(self):
        """The archive has what the collector saw."""
        before, _ = self.vps(*self.files)
        db = os.path.join(self.folder, "again.db")
        said = self.collector.run("rebuild", "--db", db, check=False)
        hashes = {self.collector.run("check", "--hash", "--db", path).stdout
                  for path in (db, self.collector.db)}
        self.collector.db = db
        after, _ = self.vps(*self.files)
        self.tap.check(said.returncode == 0 and before == after and
                       len(hashes) == 1, "a rebuilt store has the same "
                       "places", said.stdout + said.stderr, hashes)

    def broken(self):
        for path in ("/nowhere/x.mmdb", self.collector.db):
            rows, said = self.vps("--mmdb", path, *self.files[2:])
            row = rows["nat"]
            self.tap.check(
                said.count("\n") == 1 and path in said and row["city"] ==
                row["country"] == "" and rows["some"]["as_name"] ==
                "Seventeen", f"without {os.path.basename(path)} its columns "
                "are empty, and one line says why", said, row)

    def regions(self):
        path = os.path.join(self.folder, "regions")
        with open(path, "w", encoding="ascii") as file:
            file.write("AT  dach\nDE  dach\n")
        rows, _ = self.vps(*self.files, "--regions", path)
        self.tap.check((rows["said"]["region"], rows["nat"]["region"]) ==
                       ("dach", "Western Europe"),
                       "an operator's regions go before the UN's", rows)
        self.collector.run("vp", "add", "said", "--region", "home",
                           "--country", "AT", "--db", self.collector.db)
        rows, _ = self.vps("--regions", path)
        self.tap.check(rows["said"]["region"] == "home",
                       "what was said of the vantage point goes before both",
                       rows["said"])
        with open(path, "a", encoding="ascii") as file:
            file.write("Austria  dach\n")
        _, said = self.report("vps", "--regions", path, code=2)
        self.tap.check(said.count("\n") == 1 and f"{path}:3: " in said,
                       "a line that is none is refused", said)


def main():
    collector = uploads.Collector()
    try:
        test = Test(collector)
        test.who_says()
        test.seen()
        test.moving()
        test.judged()
        test.rebuilt()
        test.broken()
        test.regions()
    finally:
        collector.remove()
    sys.exit(test.tap.done())


main()
