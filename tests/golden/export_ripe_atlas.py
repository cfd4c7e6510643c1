#!/usr/bin/env python3
# What accollect exports as RIPE Atlas results has the names, codes, times and paths of its records, by a reading of its own, and imported again it is the same.
"""Where ripe.atlas.sagan, RIPE's own parser, is installed it must take every
result; the rest needs nothing but Python."""
import base64
import collections
import csv
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import merge  # noqa: E402
import uploads  # noqa: E402

ACREPORT = os.path.join(uploads.BUILD, "acreport")
# What a result of RIPE Atlas keeps of a record.
KEPT = ("vp", "target", "address", "af", "proto", "question", "outcome",
        "rtt_ms", "rcode", "method", "instance", "nsid_hex", "answer",
        "serial", "tc", "aa", "hops", "hop_rtts_us")


def unescape(text):
    """The bytes of a foreign text: each \\DDD is one."""
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] == "\\":
            out.append(int(text[at + 1:at + 4]))
            at += 4
        else:
            out.append(ord(text[at]))
            at += 1
    return bytes(out)


def name_end(data, at):
    while data[at] != 0:
        if data[at] & 0xc0 == 0xc0:
            return at + 2
        at += data[at] + 1
    return at + 1


def decode(abuf):
    """(rcode, TXT texts, NSID or None) of a message; RFC 1035 by hand."""
    data = base64.b64decode(abuf)
    counts = [int.from_bytes(data[i:i + 2], "big") for i in (4, 6, 8, 10)]
    rcode, texts, nsid, at = data[3] & 15, [], None, 12
    for _ in range(counts[0]):
        at = name_end(data, at) + 4
    for _ in range(sum(counts[1:])):
        at = name_end(data, at)
        kind = int.from_bytes(data[at:at + 2], "big")
        size = int.from_bytes(data[at + 8:at + 10], "big")
        rdata, at = data[at + 10:at + 10 + size], at + 10 + size
        if kind == 16:
            text = b""
            while rdata:
                text += rdata[1:1 + rdata[0]]
                rdata = rdata[1 + rdata[0]:]
            texts.append(text)
        while kind == 41 and len(rdata) >= 4:
            code, length = (int.from_bytes(rdata[i:i + 2], "big")
                            for i in (0, 2))
            if code == 3:
                nsid = rdata[4:4 + length]
            rdata = rdata[4 + length:]
    assert at == len(data), "bytes behind the message"
    return rcode, texts, nsid


def records_of(db):
    done = subprocess.run(
        [ACREPORT, "records", "--db", db, "--since", "2009-01-01",
         "--format", "csv"], capture_output=True, text=True, check=True)
    return list(csv.DictReader(done.stdout.splitlines()))


def kept(rows):
    """Of ANY a record keeps no answer but a serial; of a long answer only
    the beginning, and then not to be told from a whole one."""
    for row in rows:
        if row["qtype"] == "TYPE255":
            row["serial"] = ""
        if row["question"].endswith("/dnskey"):
            row["answer"] = ""
    return collections.Counter(tuple(row[key] for key in KEPT)
                               for row in rows)


def export(db):
    done = merge.run("export", "--format", "ripe-atlas", "--db", db)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def take(folder, name, text):
    db = os.path.join(folder, name + ".db")
    path = os.path.join(folder, name + ".jsonl")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    merge.run("init", "--db", db)
    return db, merge.run("import", "--format", "ripe-atlas", "--db", db, path)


def wanted_answers(rows):
    """What each DNS record says, in microseconds and bytes."""
    answers = collections.Counter()
    for row in rows:
        if row["type"] != "dns" or row["outcome"] != "answered":
            continue
        texts = (unescape(row["answer"]),)
        nsid = bytes.fromhex(row["nsid_hex"]) if row["nsid_hex"] or \
            row["nsid"] else None
        answers[row["rtt_ms"], int(row["rcode"]), texts,
                nsid if row["edns"] == "true" else None] += 1
    return answers


def seen_answers(results):
    answers = collections.Counter()
    for result in results:
        for one in result.get("resultset", []):
            if "rt" in one.get("result", {}):
                rcode, texts, nsid = decode(one["result"]["abuf"])
                answers[f"{one['result']['rt']:.3f}", rcode, tuple(texts),
                        nsid or None] += 1
    return answers


def sagan_takes(results):
    """The kinds of result that RIPE's parser took, or None without it."""
    try:
        from ripe.atlas.sagan import Result  # pylint: disable=C0415
    except ImportError:
        return None
    return collections.Counter(
        type(Result.get(result, on_malformation=Result.ACTION_FAIL)).__name__
        for result in results)


def test_signed(tap, world):
    db, _ = world.collector("signed.db")
    world.know(db)
    merge.run("import", "--db", db, *world.files)
    rows = records_of(db)
    done, results = export(db)
    kinds = collections.Counter(result["type"] for result in results)
    tap.check(done.returncode == 0 and done.stderr == "" and
              kinds == {"dns": 48, "ping": 24, "traceroute": 24},
              "every batch gives a result for each thing asked", kinds,
              done.stderr)
    wanted = collections.Counter()
    for key, count in wanted_answers(rows).items():
        wanted[key[:3] + (key[3] or None,)] += count
    seen = seen_answers(results)
    tap.check(wanted == seen and sum(seen.values()) == 72,
              "names, codes and NSID are those of the records",
              list((wanted - seen).items())[:3],
              list((seen - wanted).items())[:3])
    by_vp = {}
    for result in results:
        by_vp.setdefault(result["prb_id"], set()).add(result["msm_id"])
    tap.check(len(by_vp) == len(merge.VPS) and
              len(set(map(frozenset, by_vp.values()))) == 1 and
              all(i > 999999999 for m in by_vp.values() for i in m),
              "a vantage point and a question keep their numbers", by_vp)
    taken = sagan_takes(results)
    if taken is None:
        tap.skip("RIPE's parser takes them", "no ripe.atlas.sagan here")
    else:
        tap.check(sum(taken.values()) == len(results), "RIPE's parser takes "
                  "them", taken)
    only = merge.run("export", "--format", "ripe-atlas", "--db", db, "--vp",
                     merge.VPS[0])
    tap.check(only.stdout.count("\n") == len(results) // 3,
              "--vp gives those of one vantage point")


def test_again(tap, folder):
    if not os.path.exists(merge.DATA):
        tap.skip("results of every firmware survive it",
                 "no ../shared/data/atlas")
        return
    db = os.path.join(folder, "first.db")
    merge.run("init", "--db", db)
    merge.run("import", "--format", "ripe-atlas", "--db", db, merge.DATA)
    done, _ = export(db)
    other, again = take(folder, "second", done.stdout)
    first, second = kept(records_of(db)), kept(records_of(other))
    tap.check(again.returncode == 0 and first == second and
              sum(first.values()) > 90, "results of every firmware are the "
              f"same after export and import, {sum(first.values())} records",
              [str(x)[:300] for x in (first - second).items()][:3],
              [str(x)[:300] for x in (second - first).items()][:3])


def main():
    tap = uploads.Tap()
    rng = random.Random(int(os.environ.get("SEED") or 1))
    with tempfile.TemporaryDirectory(prefix=f"ea{os.getpid()}.") as folder:
        test_signed(tap, merge.World(folder, rng))
        test_again(tap, folder)
        done = merge.run("export", "--format", "xml", "--db", folder)
        tap.check(done.returncode == 2 and "--format xml" in done.stderr,
                  "another format is refused", done.stderr)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
