#!/usr/bin/env python3
# A catchment that MAnycastR mapped is the one that its rows say, however they are ordered, repeated or damaged, and each row not read has its reason.
"""usage: manycastr.py; SEED chooses the rows, 1 by default."""
import csv
import gzip
import ipaddress
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

ACCOLLECT = os.path.join(uploads.BUILD, "accollect")
ACREPORT = os.path.join(uploads.BUILD, "acreport")
SITES = ["nl-ams", "us-lax", "sg-sin", "br-gru"]
HEAD = """# Measurement type: Verfploeter
# Protocol used: ICMP
# Configuration - Worker: ALL, src IP: 192.0.2.53, src port: 1, dst port: 2
# Hitlist (shuffled): hitlist.txt
# Connected workers (4): nl-ams, us-lax, sg-sin, br-gru
"""
T = 1767225600  # 2026-01-01


def vp_name(address):
    length = 24 if address.version == 4 else 48
    prefix = ipaddress.ip_network((address, length), strict=False)
    return f"{prefix.network_address}-{length}".replace(":", "-")


def an_address(rng):
    if rng.random() < 0.5:
        return ipaddress.ip_address(rng.randrange(1 << 24, 200 << 24))
    return ipaddress.IPv6Address(
        (0x2001 << 112) | rng.getrandbits(20) << 76 | rng.getrandbits(64))


def made_rows(rng, count):
    """(site, address, ttl), several of some prefixes, one site each."""
    rows, sites = [], {}
    while len(rows) < count:
        address = an_address(rng)
        site = sites.setdefault(vp_name(address), rng.choice(SITES))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            rows.append((site, str(address), rng.randrange(30, 255)))
    return rows, sites


def write(path, header, rows, head=HEAD):
    text = head + header + "\n" + "".join(
        ",".join(map(str, row)) + "\n" for row in rows)
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "wt", encoding="ascii") as file:
        file.write(text)
    return path


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


class Store:
    def __init__(self, folder, name):
        self.db = os.path.join(folder, name + ".db")
        subprocess.run([ACCOLLECT, "init", "--db", self.db], check=True)

    def take(self, *words):
        return run(ACCOLLECT, "import", "--db", self.db, "--format",
                   "manycastr", *words)

    def hash(self):
        return run(ACCOLLECT, "check", "--hash", "--db", self.db).stdout

    def report(self, *words):
        done = run(ACREPORT, *words, "--db", self.db, "--format", "csv")
        return list(csv.DictReader(done.stdout.splitlines()))


def test_catchment(tap, rng, folder):
    rows, sites = made_rows(rng, 3000)
    path = write(os.path.join(folder, "a.csv.gz"), "rx,addr,ttl", rows)
    store = Store(folder, "a")
    when = ("--at", "2026-01-01T00:00:00Z")
    done = store.take(*when, "--target", "ours", path)
    tap.check(done.returncode == 0 and f"{len(sites)} stored" in done.stdout
              and "not read" not in done.stdout,
              f"{len(rows)} rows of {len(sites)} prefixes are stored",
              done.stdout, done.stderr)
    seen = store.report("catchment", "--at", "2026-01-01T00:10:00Z")
    tap.check({row["vp"]: row["instance"] for row in seen} == sites and
              {row["address"] for row in seen} == {"192.0.2.53"} and
              {row["target"] for row in seen} == {"ours"} and
              {row["method"] for row in seen} == {"verfploeter"},
              "each prefix is served by the site that its reply came to",
              seen[:3])
    before = store.hash()
    done = store.take(*when, "--target", "ours", path)
    tap.check(f"0 stored, {len(sites)} stored before" in done.stdout and
              store.hash() == before, "a second import stores nothing",
              done.stdout)
    rng.shuffle(rows)
    other = Store(folder, "b")
    other.take(*when, "--target", "ours", write(
        os.path.join(folder, "b.csv"), "rx,addr,ttl", rows))
    tap.check(other.hash() == before, "in another order they are the same")
    changed = rows[:-1] + [("xx-xxx",) + rows[-1][1:]]
    third = Store(folder, "c")
    third.take(*when, "--target", "ours", write(
        os.path.join(folder, "c.csv"), "rx,addr,ttl", changed))
    tap.check(third.hash() != before, "and one other site is another content")


def test_times(tap, rng, folder):
    """LACeS: rows have times of their own; a site moves after two hours."""
    rows, expected = [], {}
    for i in range(200):
        address = ipaddress.ip_address((10 << 24) + (i << 8) + 1)
        old, new = rng.sample(SITES, 2)
        moves = rng.random() < 0.5
        for hour, site in ((0, old), (1, old), (2, new if moves else old)):
            sent = (T + hour * 3600 + i) * 1000000 + rng.randrange(1000000)
            rows.append((site, sent + 5000, address, 60, sent, "nl-ams"))
        if moves:
            expected[vp_name(address)] = (old, new)
    rng.shuffle(rows)
    store = Store(folder, "laces")
    done = store.take(write(os.path.join(folder, "l.csv"),
                            "rx,rx_time,addr,ttl,tx_time,tx", rows))
    seen = {row["vp"]: (row["from_site"], row["to_site"])
            for row in store.report("changes", "--since", "2025-12-31")}
    tap.check(done.returncode == 0 and seen == expected,
              f"{len(expected)} of 200 prefixes moved in the third hour",
              done.stdout, done.stderr, list(seen.items())[:3])


def test_latency(tap, folder):
    rows = [("nl-ams", f"10.0.{i}.1", 60, 10 + i / 1000) for i in range(99)]
    store = Store(folder, "rtt")
    store.take("--at", "2026-01-01", write(
        os.path.join(folder, "r.csv"), "rx,addr,ttl,rtt", rows))
    seen = sorted(float(row["rtt_ms"]) for row in store.report(
        "records", "--since", "2025-12-31"))
    tap.check(seen == sorted(row[3] for row in rows),
              "round trips are those of the rows", seen[:3])


def test_refusals(tap, folder):
    store = Store(folder, "bad")
    path = write(os.path.join(folder, "bad.csv"), "rx,addr,ttl", [
        ("nl-ams", "10.0.0.1", 60), ("", "10.0.1.1", 60),
        ("nl-ams", "10.0.2.999", 60), ("nl-ams", "10.0.3.1", 256),
        ("nl-\x01", "10.0.4.1", 60)])
    done = store.take("--at", "2026-01-01", path)
    tap.check(done.returncode == 0 and "5 rows, 1 sites; of prefixes: 1 "
              "stored" in done.stdout and all(line in done.stdout for line in (
                  "rows not read: 2 (no receiving site)",
                  "rows not read: 1 (addr is no address)",
                  "rows not read: 1 (ttl is no TTL)")),
              "each row not read has its reason", done.stdout)
    done = store.take(path)
    tap.check(done.returncode == 2 and "no --at" in done.stdout,
              "without a time none is read", done.stdout, done.stderr)
    twice = HEAD + HEAD.replace("192.0.2.53", "192.0.2.54")
    for what, head, header, words, wanted in (
            ("no source address", "# nothing\n", "rx,addr,ttl", (), 2),
            ("two source addresses", twice, "rx,addr,ttl", (), 2),
            ("no column rx", HEAD, "tx,addr,ttl", (), 2),
            ("two, of which the operator names one", twice, "rx,addr,ttl",
             ("--address", "192.0.2.54"), 0)):
        path = write(os.path.join(folder, "head.csv"), header,
                     [("nl-ams", "10.0.9.1", 60)], head)
        done = store.take("--at", "2026-01-01", *words, path)
        tap.check(done.returncode == wanted and
                  (wanted == 0) == (done.stderr == "") and
                  done.stderr.count("\n") <= 1,
                  f"{what}: exit code {wanted}", done.stdout, done.stderr)


def main():
    tap = uploads.Tap()
    rng = random.Random(int(os.environ.get("SEED") or 1))
    with tempfile.TemporaryDirectory(prefix=f"mr{os.getpid()}.") as folder:
        test_catchment(tap, rng, folder)
        test_times(tap, rng, folder)
        test_latency(tap, folder)
        test_refusals(tap, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
