#!/usr/bin/env python3
# Proves that reports compare a service by the method that the table of services prefers, and say of one that never names itself that it has no name, not that it has no data.

import csv
import io
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../sim"))
# pylint: disable=wrong-import-position
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap

SECOND = 10**6
T0 = 1_795_219_200 * SECOND  # 2026-11-21T00:00:00Z
WINDOW = ("--since", "2026-11-21", "--until", "2026-11-21T01:00:00Z")
CLOUDFLARE, ANY, NAMELESS, ECHO = ("1.1.1.1", "192.0.2.11", "192.0.2.12",
                                   "192.0.2.13")


def named(t, address, nsid, site):
    """What both methods say, each in its question."""
    found = [Record(t, "t", address, "soa", rtt_us=9000, rcode=0,
                    name=nsid and ("nsid", nsid))]
    found.append(Record(t, "t", address, "id.server", rtt_us=9000, rcode=0,
                        name=site and ("id.server", site)))
    return found


def world():
    return [Batch(vp, [
        *named(t, CLOUDFLARE, b"12m%d" % (k % 3), site),
        *named(t, ANY, b"ns1.%s" % site.lower(), site),
        *named(t, NAMELESS, None, None),
        Record(t, "t", ECHO, "echo", proto="icmp", port=-1, rtt_us=9000)],
        300) for vp, site in (("vp1", b"AMS"), ("vp2", b"FRA"))
        for k in range(10) for t in (T0 + k * 300 * SECOND,)]


def report(db, *words):
    done = subprocess.run([f"{BUILD}/acreport", *words, "--db", db,
                           "--format", "csv"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    return list(csv.DictReader(io.StringIO(done.stdout))), done


def of(rows, address):
    return [(row["vp"], row["method"], row["instance"], row["state"])
            for row in rows if row["address"] == address]


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        db = os.path.join(folder, "db")
        make(db, world(), [], 1)
        rows, done = report(db, "catchment", "--at", "2026-11-21T00:50:00Z",
                            "--level", "instance")
        tap.ok(of(rows, CLOUDFLARE) == [
            ("vp1", "id.server", "AMS", "known"),
            ("vp2", "id.server", "FRA", "known")],
            "an address of the table is compared by the method it prefers",
            rows, done.stderr)
        tap.ok(of(rows, ANY) == [
            ("vp1", "nsid", "ns1.ams", "known"),
            ("vp2", "nsid", "ns1.fra", "known")],
            "another by the usual order", rows)
        tap.ok(of(rows, NAMELESS) == [
            (vp, "", "", "no_identity") for vp in ("vp1", "vp2")] and
            {row["rtt_p50_ms"] for row in rows
             if row["address"] == NAMELESS} == {"9.000"},
            "a service that answers without ever naming itself has no "
            "identity, and its round trips", rows)
        changes, _ = report(db, "changes", *WINDOW, "--level", "instance")
        tap.ok(not changes, "so that servers behind a site are no changes",
               changes)
        table = os.path.join(folder, "services")
        with open(table, "w", encoding="ascii") as file:
            file.write(f"own {ANY} id.server,nsid\nthem {CLOUDFLARE} nsid\n")
        rows, done = report(db, "catchment", "--at", "2026-11-21T00:50:00Z",
                            "--level", "instance", "--services", table)
        tap.ok([row[1:3] for row in of(rows, ANY)] == [
            ("id.server", "AMS"), ("id.server", "FRA")] and
            {row[1] for row in of(rows, CLOUDFLARE)} == {"nsid"},
            "the operator's lines go before the table's", rows, done.stderr)
        with open(table, "a", encoding="ascii") as file:
            file.write("bad\n")
        _, done = report(db, "catchment", "--services", table)
        tap.ok(done.returncode == 2 and f"{table}:3: " in done.stderr and
               len(done.stderr.splitlines()) == 1,
               "a line that is none is named", done.stderr)
    tap.done()


main()
