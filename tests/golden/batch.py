#!/usr/bin/env python3
# Proves what every hostile batch file comes to, beside a twin that is taken.
"""The files are made here, body by body, and signed by the driver, so that what
refuses them is the check meant and not the signature. UPDATE=1 writes
tests/golden/batches.txt anew; look at the difference. In the end one check after
another is taken out of the reader, and its file must tell."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "lib"))
import mutant  # noqa: E402
from tap import Tap, driver  # noqa: E402

EXPECTED = "tests/golden/batches.txt"
READER = "lib/batch_read.c"
# A check that is taken out, and the file that must tell.
STEPS = (
    ("lib/batch.c", "if (strcmp(sha256, pieces->line.sha256) != 0)", "if (0)",
     "body-one-bit"),
    ("lib/batch.c", "if (pieces->body_len != (size_t)pieces->line.bytes)",
     "if (0)", "bytes-one-more"),
    (READER, "if (reader->plain_len > reader->plain_max)", "if (0)",
     "codec-bomb-of-records"),
    (READER, "if (reader->in.pos != reader->in.size)", "if (0)",
     "codec-trailing-bytes"),
    (READER, "wall_since(reader->last, reader->first).ns >",
     "0 && wall_since(reader->last, reader->first).ns >",
     "span-over-an-hour"),
    (READER, "status == 1 && reader->lines - 1 == reader->line.records", "0",
     "more-records"),
    (READER, "status == 0 && reader->lines - 1 < reader->line.records", "0",
     "fewer-records"),
    (READER, "if (!is_zstd_frame(pieces->body, pieces->body_len))", "if (0)",
     "codec-skippable-first"),
)
HEAD = {
    "type": "head", "round_at": "2026-11-23T05:30:00.000000Z", "every_s": 300,
    "questions": 2, "lost": 0, "skipped": 0, "clock": "synced",
    "clock_offset_us": 12, "clock_max_error_us": 500, "clock_stepped": False,
    "boot_id": "3f1c9e0e-1111-2222-3333-444455556666",
    "addresses": ["198.51.100.2"], "version": "0.1", "allow_special": [],
}
RECORD = {
    "t": "2026-11-23T05:30:01.000000Z", "type": "dns", "target": "k-root",
    "addr": "193.0.14.129", "port": 53, "af": 4, "proto": "udp",
    "question": "soa",
    "flow": {"n": 0, "src": "198.51.100.2", "sport": 12345, "dport": 53,
             "label": None},
    "outcome": "answered", "reason": None, "rtt_us": 4242, "stamp": "kernel",
    "reply_ttl": 60, "auth_bits": 30, "late": 0, "dup": 0, "unwanted": 0,
    "conflict": 0, "retry_of": None, "qname": ".", "qtype": "SOA",
    "qclass": "IN", "rcode": 0, "nsid": "ns1", "nsid_hex": "6e7331",
    "answer": [], "serial": 2026112300, "tc": False, "aa": True, "size": 120,
    "edns": True, "raw": None,
}
TRACE = {key: value for key, value in RECORD.items()
         if key not in ("qname", "qtype", "qclass", "rcode", "nsid",
                        "nsid_hex", "answer", "serial", "tc", "aa", "size",
                        "edns", "raw")}
TRACE.update(type="trace", question="trace", hops=[
    {"ttl": 1, "addr": "192.0.2.1", "rtt_us": 900, "icmp": "11/0",
     "quoted_ttl": 1, "mpls": None, "auth_bits": 30}])


def lines(*objects):
    return b"".join(
        (o if isinstance(o, bytes) else json.dumps(o).encode()) + b"\n"
        for o in objects)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def changed(base, **fields):
    return {**base, **fields}


def without(base, key):
    return {k: v for k, v in base.items() if k != key}


def cases(pack):
    """Name, file, for every case. Twins that must be taken end in -good."""
    good = pack(zstd(lines(HEAD, RECORD, TRACE)), 2)
    yield "plain-good", good
    yield "empty-head-only-good", pack(zstd(lines(HEAD)), 0)
    yield "unknown-key-good", pack(
        zstd(lines(HEAD, changed(RECORD, later_version=[1, {"a": 2}]))), 1)
    yield "order-of-keys-good", pack(
        zstd(lines(HEAD, dict(reversed(RECORD.items())))), 1)

    first, rest = good.split(b"\n", 1)
    signature, body = rest.split(b"\n", 1)

    def clear(word, value):
        words = first.split(b" ")
        words[word] = value
        return b" ".join(words) + b"\n" + rest

    yield "empty-file", b""
    yield "zeros", bytes(4096)
    yield "no-newline", first
    yield "line-only", first + b"\n"
    yield "line-and-signature-only", first + b"\n" + signature + b"\n"
    yield "line-too-long", first + b" " * 600 + b"\n" + rest
    yield "other-magic", clear(0, b"acbotch")
    yield "version-0", clear(1, b"0")
    yield "version-2", clear(1, b"2")
    yield "version-99999999999999999999", clear(1, b"9" * 20)
    yield "vp-traversal", clear(2, b"../../etc/cron.d/x")
    yield "vp-upper-case", clear(2, b"LON1")
    yield "keyid-short", clear(3, b"abcd")
    yield "spool-not-hex", clear(4, b"z" * 32)
    yield "number-0", clear(5, b"0")
    yield "number-negative", clear(5, b"-1")
    yield "number-plus", clear(5, b"+1")
    yield "number-2-64", clear(5, b"18446744073709551616")
    yield "bytes-one-more", clear(6, b"%d" % (len(body) + 1))
    yield "bytes-huge", clear(6, b"9000000000000000000")
    yield "records-negative", clear(7, b"-1")
    yield "sha256-upper-case", clear(8, b"A" * 64)
    yield "two-spaces", first.replace(b" ", b"  ", 1) + b"\n" + rest
    yield "carriage-return", first + b"\r\n" + rest
    yield "nul-in-line", first.replace(b"lon1", b"lo\x001") + b"\n" + rest
    yield "number-changed-signature-kept", clear(5, b"7")
    yield "signature-not-base64", first + b"\n" + b"!" * 88 + b"\n" + body
    yield "signature-short", first + b"\n" + signature[:40] + b"\n" + body
    yield "signature-zeros", (first + b"\n" + b"A" * 86 + b"==\n" + body)
    yield "body-one-bit", good[:-1] + bytes([good[-1] ^ 1])
    yield "body-truncated", good[:-5]
    yield "body-one-more", good + b"\0"

    frame = zstd(lines(HEAD, RECORD, TRACE))
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    yield "codec-not-zstd", pack(lines(HEAD, RECORD), 1)
    yield "codec-gzip", pack(b"\x1f\x8b\x08\x00" + bytes(20), 1)
    yield "codec-empty-body", pack(b"", 0)
    yield "codec-frame-cut", pack(frame[:-6], 2)
    yield "codec-two-frames", pack(frame + frame, 4)
    yield "codec-trailing-bytes", pack(frame + b"x", 2)
    yield "codec-skippable-first", pack(skippable + frame, 2)
    yield "codec-skippable-last", pack(frame + skippable, 2)
    yield "codec-nested", pack(zstd(frame), 2)
    yield "codec-bomb", pack(zstd(bytes(256 << 20)), 1)
    yield "codec-bomb-of-spaces", pack(
        zstd(lines(HEAD) + b" " * (80 << 20)), 1)
    yield "codec-bomb-of-records", pack(zstd(lines(
        HEAD, *[changed(RECORD, note="x" * 60000)] * 600)), 600)

    def body_of(*objects, count=1):
        return pack(zstd(lines(*objects)), count)

    yield "head-missing", body_of(RECORD)
    yield "head-second", body_of(RECORD, HEAD)
    yield "head-twice", body_of(HEAD, HEAD, RECORD)
    yield "head-without-round_at", body_of(without(HEAD, "round_at"), RECORD)
    yield "head-every-negative", body_of(changed(HEAD, every_s=-1), RECORD)
    yield "head-many-addresses", body_of(
        changed(HEAD, addresses=["192.0.2.1"] * 17), RECORD)
    yield "nothing", pack(zstd(b""), 0)
    yield "fewer-records", body_of(HEAD, RECORD, count=2)
    yield "more-records", body_of(HEAD, RECORD, RECORD, count=1)
    yield "empty-line", body_of(HEAD, b"", RECORD)
    yield "no-last-newline", pack(
        zstd(lines(HEAD, RECORD)[:-1]), 1)
    yield "not-json", body_of(HEAD, b"hello")
    yield "json-array", body_of(HEAD, b"[1]")
    yield "json-cut", body_of(HEAD, json.dumps(RECORD).encode()[:-10])
    yield "json-two-on-a-line", body_of(
        HEAD, json.dumps(RECORD).encode() * 2)
    yield "json-deep", body_of(HEAD, b"[" * 20000 + b"]" * 20000)
    yield "json-duplicate-key", body_of(
        HEAD, json.dumps(RECORD).encode()[:-1] + b',"rtt_us":1}')
    yield "json-nan", body_of(
        HEAD, json.dumps(changed(RECORD, rtt_us=float("nan"))).encode())
    yield "json-nul", body_of(
        HEAD, json.dumps(RECORD).encode().replace(b"k-root", b"k\\u0000t"))
    yield "json-raw-nul", body_of(
        HEAD, json.dumps(RECORD).encode().replace(b"k-root", b"k\0root"))
    yield "json-bad-utf8", body_of(
        HEAD, json.dumps(RECORD).encode().replace(b"k-root", b"k\xff\xfet"))
    yield "line-over-64-KiB", body_of(
        HEAD, json.dumps(changed(RECORD, note="x" * 70000)).encode())

    for name, fields in {
        "time-year-9999": {"t": "9999-01-01T00:00:00.000000Z"},
        "time-1970": {"t": "1970-01-01T00:00:00.000000Z"},
        "time-not-one": {"t": "yesterday"},
        "time-number": {"t": 1700000000},
        "rtt-negative": {"rtt_us": -1},
        "rtt-1e308": {"rtt_us": 1e308},
        "rtt-fraction": {"rtt_us": 1.5},
        "rtt-text": {"rtt_us": "4242"},
        "rtt-two-hours": {"rtt_us": 7200000000},
        "rtt-unknown-good": {"rtt_us": None},
        "rtt-but-timeout": {"outcome": "timeout"},
        "ttl-300": {"reply_ttl": 300},
        "af-5": {"af": 5},
        "af-not-that-of-addr": {"af": 6},
        "addr-not-one": {"addr": "193.0.14"},
        "addr-not-canonical": {"addr": "193.000.014.129"},
        "port-70000": {"port": 70000},
        "outcome-unknown": {"outcome": "answerd"},
        "proto-unknown": {"proto": "sctp"},
        "type-unknown": {"type": "ping"},
        "flow-missing-n": {"flow": {"src": None}},
        "flow-not-object": {"flow": 3},
        "sport-70000": {"flow": changed(RECORD["flow"], sport=70000)},
        "target-empty": {"target": ""},
        "target-long": {"target": "t" * 129},
        "target-newline": {"target": "a\nb"},
        "question-long": {"question": "q" * 300},
        "reason-long": {"reason": "r" * 300},
        "rcode-5000": {"rcode": 5000},
        "serial-2-32": {"serial": 1 << 32},
        "nsid-hex-odd": {"nsid_hex": "6e733"},
        "nsid-hex-is-another-name": {"nsid_hex": "6e7332"},
        "nsid-escape-bad": {"nsid": "\\300", "nsid_hex": "ff"},
        "nsid-1-MiB": {"nsid": "n" * 60000, "nsid_hex": "6e" * 2},
        "answers-9": {"answer": ["a"] * 9},
        "answer-not-text": {"answer": [1]},
        "raw-too-long": {"raw": "00" * 600},
    }.items():
        yield f"record-{name}", body_of(HEAD, changed(RECORD, **fields))
    for key in ("t", "type", "target", "addr", "flow", "outcome", "rtt_us"):
        yield f"record-without-{key}", body_of(HEAD, without(RECORD, key))
    hop = TRACE["hops"][0]
    for name, hops in {
        "65": [hop] * 65, "not-array": {}, "ttl-0": [changed(hop, ttl=0)],
        "icmp-not-one": [changed(hop, icmp="11")],
        "mpls-9": [changed(hop, mpls=[
            {"label": 1, "exp": 0, "s": 1, "ttl": 1}] * 9)],
    }.items():
        yield f"hops-{name}", body_of(HEAD, changed(TRACE, hops=hops))
    late = changed(RECORD, t="2026-11-23T06:30:01.000001Z")
    edge = changed(RECORD, t="2026-11-23T06:30:01.000000Z")
    yield "span-an-hour-good", body_of(HEAD, RECORD, edge, count=2)
    yield "span-over-an-hour", body_of(HEAD, RECORD, late, count=2)
    yield "span-over-an-hour-backwards", body_of(HEAD, late, RECORD, count=2)


def check_mutants(tap, files, wanted):
    for source, old, new, name in STEPS:
        with tempfile.TemporaryDirectory() as folder:
            dump = mutant.build(folder, "batch_dump", [(source, old, new)])
            said = subprocess.run([dump, "read"], input=files[name],
                                  timeout=60, capture_output=True,
                                  check=False).stdout
            good = subprocess.run([dump, "read"], input=files["plain-good"],
                                  timeout=60, capture_output=True,
                                  check=False).stdout
        said = said.decode("ascii", "backslashreplace").strip()
        tap.ok(said != wanted[name] and good.startswith(b"accepted"),
               f"noticed without {old!r}: {name}", said, good)


def main():
    tap = Tap()
    dump = driver(tap, "batch_dump")

    def run(arguments, data):
        return subprocess.run([dump, *arguments], input=data, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)

    def pack(body, records):
        return run(["pack", str(records)], body).stdout

    seen, crashed, files = {}, [], dict(cases(pack))
    for name, data in files.items():
        said = run(["read"], data)
        if said.returncode != 0:
            crashed.append(f"{name}: {said.stderr.decode()[-2000:]}")
        seen[name] = said.stdout.decode("ascii", "backslashreplace").strip()
    text = "".join(f"{name}: {said}\n" for name, said in seen.items())
    if os.environ.get("UPDATE"):
        with open(EXPECTED, "w", encoding="ascii") as file:
            file.write(text)
    with open(EXPECTED, encoding="ascii") as file:
        wanted = dict(line.rstrip("\n").split(": ", 1) for line in file)

    tap.ok(not crashed, f"{len(seen)} batch files are read without a "
           "sanitizer's report", *crashed)
    tap.ok(set(wanted) == set(seen), "every case has its expected text",
           set(wanted) ^ set(seen))
    for name, said in seen.items():
        tap.ok(wanted.get(name) == said, f"{name} is read as before",
               f"wanted {wanted.get(name)}", f"seen   {said}")
    taken = {name for name, said in seen.items()
             if said.startswith("accepted")}
    tap.ok(taken == {name for name in seen if name.endswith("-good")},
           "what is good is taken, and nothing else",
           taken ^ {n for n in seen if n.endswith("-good")})
    check_mutants(tap, files, wanted)
    tap.done()


main()
