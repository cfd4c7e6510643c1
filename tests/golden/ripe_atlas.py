#!/usr/bin/env python3
# RIPE Atlas results of every firmware become the records that an independent reading of the same JSON finds, dns, ping and traceroute, each once, each refusal with its reason.
"""Needs ../shared/data (see its README.md)."""
import base64
import collections
import contextlib
import csv
import datetime
import gzip
import ipaddress
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

DATA = os.path.join(os.path.dirname(uploads.ROOT), "shared", "data", "atlas")
ACCOLLECT = os.path.join(uploads.BUILD, "accollect")
ACREPORT = os.path.join(uploads.BUILD, "acreport")
CODES = {4: {"N": 0, "H": 1, "P": 2, "p": 3, "A": 13},
         6: {"N": 0, "A": 1, "h": 2, "H": 3, "p": 4}}


# --- an independent reading ---

def address(text):
    return str(ipaddress.ip_address(text)) if text else ""


def microseconds(rtt):
    """As C rounds, halves up; Python would go to the even one."""
    return math.floor(rtt * 1000 + 0.5)


def time_of(result):
    return datetime.datetime.fromtimestamp(
        result["timestamp"], datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%S.000000Z")


def pings(result):
    """(outcome, rtt, ttl, late, dup) of each packet; None: totals only."""
    if "result" not in result:
        return None
    packets = []
    for reply in result["result"]:
        if "dup" in reply:
            answered = packets[-1][0] == "answered"
            packets[-1][4 if answered else 3] += 1
        elif "rtt" in reply:
            packets.append(["answered", f"{microseconds(reply['rtt']) / 1000:.3f}",
                            str(reply.get("ttl", result.get("ttl", ""))),
                            0, 0])
        elif "error" in reply:
            packets.append(["unsent", "", "", 0, 0])
        else:
            packets.append(["timeout", "", "", 0, 0])
    return packets


def hops_of(result, target):
    """[ttl, address, message, rtt in us]; the quickest of an address."""
    hops = []
    af = ipaddress.ip_address(target).version
    for hop in result["result"]:
        best = collections.OrderedDict()
        for reply in hop.get("result", []):
            if "rtt" not in reply or "late" in reply or "dup" in reply:
                continue
            who = address(reply["from"])
            rtt = microseconds(reply["rtt"])
            if "err" in reply:
                code = reply["err"]
                code = code if isinstance(code, int) else CODES[af][code]
                message = f"{1 if af == 6 else 3}/{code}"
            elif who == target:
                message = None
            else:
                message = "3/0" if af == 6 else "11/0"
            if who not in best or rtt < best[who][3]:
                best[who] = [hop["hop"], who, message, rtt]
        if best:
            hops += best.values()
        elif hop["hop"] != 255:
            hops.append([hop["hop"], None, None, None])
    return hops


def trace(result):
    """(outcome, hops)"""
    if any("error" in hop for hop in result["result"]):
        return "unsent", []
    target = address(result["dst_addr"])
    hops = hops_of(result, target)
    unreachable = "1/" if ":" in target else "3/"
    if any(hop[1] == target and hop[2] is None for hop in hops):
        return "answered", hops
    for hop in hops:
        if (hop[2] or "").startswith(unreachable):
            port = hop[2] in ("3/3", "1/4")
            return "refused" if port else "unreachable", hops
    return "timeout", hops


def expected(results):
    """Each record once, however often its result stands there."""
    rows, seen = collections.Counter(), set()
    for result in results:
        name = (result["type"], result["msm_id"], result["prb_id"],
                result["timestamp"])
        if result["type"] not in ("ping", "traceroute") or name in seen:
            continue
        seen.add(name)
        head = (time_of(result), f"atlas-{result['prb_id']}",
                address(result.get("dst_addr") or result.get("addr")))
        if result["type"] == "ping":
            for packet in pings(result) or []:
                rows[head + ("echo",) + tuple(map(str, packet))] += 1
        else:
            outcome, hops = trace(result)
            rows[head + ("trace", outcome, json.dumps(hops))] += 1
    return rows


# --- what was imported ---

def seen_hops(row):
    rtts = json.loads(row["hop_rtts_us"] or "[]")
    return [[hop["ttl"], hop.get("addr"), hop.get("icmp"), rtt]
            for hop, rtt in zip(json.loads(row["hops"] or "[]"), rtts)]


def stored(db):
    done = subprocess.run(
        [ACREPORT, "records", "--db", db, "--since", "2009-01-01",
         "--format", "csv"], capture_output=True, text=True, check=True)
    rows = collections.Counter()
    for row in csv.DictReader(done.stdout.splitlines()):
        head = (row["time"], row["vp"], row["address"], row["question"],
                row["outcome"])
        if row["question"] == "echo":
            rows[head + (row["rtt_ms"], row["reply_ttl"], row["late"],
                         row["dup"])] += 1
        elif row["question"] == "trace":
            rows[head + (json.dumps(seen_hops(row)),)] += 1
    return rows


def run_import(db, path):
    if not os.path.exists(db):
        subprocess.run([ACCOLLECT, "init", "--db", db], check=True,
                       capture_output=True)
    archive = db.replace(".db", ".archive")
    return subprocess.run(
        [ACCOLLECT, "import", "--format", "ripe-atlas", "--db", db,
         "--archive", archive, path],
        capture_output=True, text=True, check=False)


def number(text, pattern):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def read_sagan():
    path = os.path.join(DATA, "sagan-tests.jsonl.gz")
    with gzip.open(path, "rt") as file:
        return path, [json.loads(line) for line in file]


def compare(tap, what, wanted, got):
    tap.check(wanted and wanted == got, f"{what}: {sum(wanted.values())} "
              "records are those of an independent reading",
              list((wanted - got).items())[:5],
              list((got - wanted).items())[:5])


FLAGS = {"aa": 0x0400, "tc": 0x0200, "ra": 0x0080, "ad": 0x0020}


def flags_of(results):
    """Of each reply's header (RFC 1035 4.1.1, RFC 4035 3.2.3), as counts; of
    a result that stands there again, once."""
    counts, seen = collections.Counter(), set()
    for result in results:
        name = (result["msm_id"], result["prb_id"], result["timestamp"],
                result.get("subid", 0))
        if result["type"] != "dns" or name in seen:
            continue
        seen.add(name)
        for answer in result.get("resultset", [result]):
            if "abuf" in answer.get("result", {}):
                bits = int.from_bytes(base64.b64decode(
                    answer["result"]["abuf"])[2:4], "big")
                counts[tuple(int(bits & bit > 0)
                             for bit in FLAGS.values())] += 1
    return counts


def stored_flags(db):
    columns = ", ".join(f"json_extract(reply, '$.{flag}')" for flag in FLAGS)
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro",
                                            uri=True)) as connection:
        return collections.Counter(connection.execute(
            f"SELECT {columns} FROM v_record WHERE reply IS NOT NULL"
            " AND question NOT IN ('echo', 'trace')").fetchall())


def dns_faults(results):
    """Answers with an abuf, with an error only, with neither."""
    counts = collections.Counter()
    for result in results:
        if result["type"] != "dns":
            continue
        for answer in result.get("resultset", [result]):
            if "abuf" in answer.get("result", {}):
                counts["abuf"] += 1
            elif "error" in answer:
                counts["error"] += 1
            else:
                counts["neither"] += 1
    return counts


def believed(result):
    """What makes it another one under the same name: all that was measured,
    not what the probe or a publisher made of a reply ("answers")."""
    def bare(value):
        if isinstance(value, list):
            return [bare(item) for item in value]
        return {key: bare(item) for key, item in value.items()
                if key != "answers"} if isinstance(value, dict) else value

    return json.dumps(bare(result), sort_keys=True)


def fates(results):
    """How many results come to what, each to one."""
    counts, seen = collections.Counter(), {}
    for result in results:
        name = (result["msm_id"], result["prb_id"], result["timestamp"],
                result.get("subid", 0))
        answers = result.get("resultset", [result])
        if result["type"] not in ("dns", "ping", "traceroute"):
            counts["results not read (neither dns, ping nor traceroute)"] += 1
        elif result["type"] == "ping" and "result" not in result:
            counts["results not read (totals only, no single packet)"] += 1
        elif result["type"] == "dns" and not any(
                "abuf" in a.get("result", {}) or "error" in a
                for a in answers):
            counts["results not read (none of its answers can be read)"] += 1
        elif name not in seen:
            seen[name] = believed(result)
            counts["stored"] += 1
        else:
            same = seen[name] == believed(result)
            counts["stored before" if same else "in conflict"] += 1
    counts["answers not read (no abuf and no error)"] = \
        dns_faults(results)["neither"]
    return counts


def told(text):
    counts = collections.Counter()
    for line in text.splitlines():
        if found := re.match(r"(\w+ not read): (\d+) (\(.*\))$", line):
            counts[f"{found[1]} {found[3]}"] = int(found[2])
        elif found := re.match(r"\d+ results: (\d+) stored, (\d+) stored "
                               r"before, (\d+) in conflict$", line):
            counts |= {what: int(n) for what, n in zip(
                ("stored", "stored before", "in conflict"), found.groups())}
    return counts


def test_sagan(tap, folder):
    path, results = read_sagan()
    db = os.path.join(folder, "sagan.db")
    done = run_import(db, path)
    faults = dns_faults(results)
    tap.check(done.returncode == 0 and
              number(done.stdout, r"answers not read: (\d+) \(no abuf and "
                     "no error") == faults["neither"] == 2 and
              faults == {"abuf": 54, "error": 3, "neither": 2},
              "of 59 DNS answers 54 have an abuf, 3 an error, and 2 with "
              "neither are counted", done.stdout, done.stderr, faults)
    tap.check(told(done.stdout) == fates(results) and
              f"{len(results)} results:" in done.stdout and
              sum(n for what, n in fates(results).items()
                  if not what.startswith("answers")) == len(results),
              f"each of {len(results)} results of every type comes to what "
              "the data says, for the reason that is told",
              told(done.stdout), fates(results))
    compare(tap, "flags of DNS replies", flags_of(results), stored_flags(db))
    totals = sum(1 for r in results if r["type"] == "ping" and
                 "result" not in r)
    tap.check(number(done.stdout, r"results not read: (\d+) \(totals only") ==
              totals > 0, f"{totals} pings of totals only are refused so",
              done.stdout)
    other = sum(1 for r in results if r["type"] not in
                ("dns", "ping", "traceroute"))
    tap.check(number(done.stdout, r"results not read: (\d+) \(neither dns") ==
              other > 0, f"{other} results of other types are refused so",
              done.stdout)
    tap.check("1 in conflict" in done.stdout, "one result differs from "
              "another of its name, and the first stays", done.stdout)
    compare(tap, "every firmware's pings and traceroutes",
            expected(results), stored(db))
    again = run_import(db, path)
    tap.check("0 stored," in again.stdout, "a second import stores nothing",
              again.stdout)
    compare(tap, "after a second import", expected(results), stored(db))
    changed = json.loads(json.dumps(results))
    for result in changed:
        if result["type"] == "traceroute" and result["result"][0].get(
                "result"):
            result["result"][0]["result"] = [{"x": "*"}]
    tap.check(expected(changed) != stored(db),
              "another first hop would be noticed")


def test_ten_thousand(tap, folder):
    path = os.path.join(DATA, "opendns-ping-2017.json.gz")
    with gzip.open(path) as file:
        results = json.load(file)
    db = os.path.join(folder, "opendns.db")
    done = run_import(db, path)
    tap.check(done.returncode == 0 and f"{len(results)} stored" in
              done.stdout, f"{len(results)} pings of 2017 are stored",
              done.stdout, done.stderr)
    compare(tap, "the pings of 2017", expected(results), stored(db))
    size = sum(entry.stat().st_size for entry in os.scandir(
        db.replace(".db", ".archive")))
    tap.check(0 < size < 200 * len(results), f"the archive has {size} bytes "
              "of them", size)
    again = os.path.join(folder, "again.db")
    done = subprocess.run(
        [ACCOLLECT, "rebuild", "--db", again, "--archive",
         db.replace(".db", ".archive")], capture_output=True, text=True,
        check=False)
    compare(tap, "made again from there", expected(results), stored(again))
    tap.check(f"{len(results)} batches, 0 repeated" in done.stdout,
              "each was in it once", done.stdout, done.stderr)


def main():
    tap = uploads.Tap()
    if not os.path.isdir(DATA):
        tap.skip("RIPE Atlas results are read", "no ../shared/data/atlas")
        return tap.done()
    with tempfile.TemporaryDirectory(prefix=f"atlas{os.getpid()}.") as folder:
        test_sagan(tap, folder)
        test_ten_thousand(tap, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
