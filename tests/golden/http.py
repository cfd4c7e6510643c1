#!/usr/bin/env python3
# Proves that every hostile request of tests/golden/http is refused with its status and stores nothing, while its valid twin is stored.
# time limit: 800 s
"""Each NAME.req is sent as it is over TLS and must end in the status (a
pattern, with a pattern of the reason behind) of NAME.status; "close" is an end
without an answer. NAME.twin differs in that one thing and must be stored.

In a file each line is sent with CR LF, \\xNN is a byte and {word} is filled in
from a batch made for it; the line {file} is the batch, without CR LF. A first
line "%batch WORD" picks what is wrong with the batch. In the end one refusal
after another is taken out of the collector, and its request must tell.
"""
import gzip
import os
import re
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import built  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, zstd_raw, zstd_zeros  # noqa: E402

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "http")
SPOOL = "5a" * 16
START_US = 1700000000000000


HEAD = "collector/listen_request.c"
# A refusal that is taken out, and the requests one of which must tell.
STEPS = (
    (HEAD, '		refuse(r, 501, "Transfer-Encoding is not taken");',
     "		;", ("chunked", "length-and-chunked")),
    (HEAD, '		refuse(r, 415, "Content-Encoding is not taken");',
     "		;", ("content-encoding",)),
    (HEAD, "	if (*slot != NULL)\n", "	if (0)\n",
     ("two-hosts", "two-lengths", "two-batch-headers")),
    (HEAD, "if (!is_token(key, key_len))", "if (0)",
     ("latin1-in-name", "name-in-brackets")),
    (HEAD, "value == NULL || !is_plain_value(value, len)", "value == NULL",
     ("control-in-value",)),
    (HEAD, "info->header_size == r->bytes", "info->header_size > 0",
     ("folded-header", "nul-in-value")),
    (HEAD, "(uint64_t)len > REQUEST_BODY_MAX", "0", ("length-too-big",)),
    ("collector/listen_upload.c", "head->number == line->number",
     "head->number > 0", ("path-other-number",)),
    ("collector/listen_upload.c", "strcmp(head->vp, line->vp) == 0 &&", "",
     ("path-other-vp",)),
    ("collector/pipeline.c", "if (!begins_as_told(job))", "if (0)",
     ("header-and-body-differ",)),
    ("collector/ingest.c", "error = batch_verify(p, key);", ";",
     ("signature-rubbish", "signature-of-another")),
)


class Maker:
    """Batches with one thing wrong, each under a number of its own."""

    def __init__(self, keys):
        self.keys = keys
        self.number = 0

    def make(self, word):
        self.number += 1
        t_us = START_US + self.number * 300000000
        records = [uploads.record(t_us + i * 1000) for i in range(3)]
        key, vp, more = self.keys["lon1"], "lon1", {}
        plain = zstd_raw(b"rubbish\n")
        if word == "unknown-vp":
            vp = "nobody"
        elif word == "key-of-another":
            key = self.keys["other"]
        elif word == "unknown-key":
            key = self.keys["stranger"]
        elif word == "digest-differs":
            more = {"sha256": "0" * 64}
        elif word == "not-zstd":
            more = {"body": b"{}\n" * 20}
        elif word == "gzip":
            more = {"body": gzip.compress(b"{}\n")}
        elif word == "truncated":
            more = {"body": plain[:-3]}
        elif word == "trailing":
            more = {"body": self.good(records, t_us) + b"x"}
        elif word == "two-frames":
            more = {"body": self.good(records, t_us) * 2}
        elif word == "nested":
            more = {"body": zstd_raw(self.good(records, t_us))}
        elif word == "empty":
            more = {"body": zstd_raw(b"")}
        elif word == "bomb":
            more = {"body": zstd_zeros(1 << 30)}
        elif word == "wide-bomb":
            more = {"body": zstd_zeros(1 << 30, wide=True)}
        elif word == "rtt-absurd":
            records[1]["rtt_us"] = 10 ** 300
        elif word == "year-9999":
            records[1]["t"] = "9999-01-01T00:00:00.000000Z"
        elif word == "ttl-300":
            records[1]["reply_ttl"] = 300
        elif word == "count-lies":
            more = {"count": 4}
        elif word == "two-hours":
            records[2]["t"] = uploads.utc(t_us + 7200000000)
        elif word == "nsid-1mb":
            records[1]["nsid"] = "a" * (1 << 20)
        batch = Batch(key, vp, SPOOL, self.number, records, t_us, **more)
        if word == "prefix-differs":
            batch.file = batch.file.replace(b"acbatch 1", b"acbatch 2", 1)
        return batch

    def good(self, records, t_us):
        return Batch(self.keys["lon1"], "lon1", SPOOL, 1, records, t_us).body


def fill(text, batch, others):
    length = len(batch.file)
    words = {"path": batch.path, "length": length, "hexlength": f"{length:x}",
             "length-1": length - 1, "line": batch.line.decode(),
             "line-rest": batch.line.decode()[len("acbatch 1"):],
             "signature": batch.signature.decode(), "vp": batch.vp,
             "signature-of-another": others.signature.decode(),
             "spool": batch.spool, "number": batch.number,
             "64k": "a" * 65536, "1k": "a" * 1024}
    return re.sub(r"\{([a-z0-9-]+)\}", lambda m: str(words[m.group(1)]), text)


def read_request(path, maker):
    """The bytes to send, and the batch in them."""
    with open(path, encoding="ascii") as file:
        lines = file.read().split("\n")[:-1]
    word = "good"
    if lines[0].startswith("%batch "):
        word = lines.pop(0).split()[1]
    batch = maker.make(word)
    others = Batch(maker.keys["lon1"], "lon1", SPOOL, 1, [], START_US)
    out = b""
    for line in lines:
        if line == "{file}":
            out += batch.file
            continue
        text = fill(line, batch, others).encode()
        out += re.sub(rb"\\x([0-9a-f]{2})",
                      lambda m: bytes([int(m.group(1), 16)]), text) + b"\r\n"
    return out, batch


def send(collector, data):
    """Like exchange, but past a 100 Continue to the answer."""
    with collector.connect(10) as s:
        try:
            s.sendall(data)
        except OSError:
            pass
        status, _, body = uploads.read_whole_answer(s)
        if status == 100:
            rest = body
            end = body.find(b"\r\n\r\n")
            if end == -1:
                status, _, body = uploads.read_whole_answer(s)
            else:
                status, body = int(rest.split()[1]), body[end + 4:]
        return status, body


def status_matches(want, status, body):
    pattern, _, reason = want.partition(" ")
    got = "close" if status is None else str(status)
    return (re.fullmatch(pattern, got) is not None and
            re.search(reason, body.decode("latin-1")) is not None)


def check_pair(tap, collector, maker, name):
    """True, and the twin's number, where both came out as they must."""
    path = os.path.join(FOLDER, name)
    with open(path + ".status", encoding="ascii") as file:
        want = file.read().strip()
    data, _ = read_request(path + ".req", maker)
    status, body = send(collector, data)
    tap.check(status_matches(want, status, body), f"{name}: {want}",
              f"status {status}", body[:400])
    data, batch = read_request(path + ".twin", maker)
    status, body = send(collector, data)
    tap.check(status == 201 and batch.sha256.encode() in body,
              f"{name}: the twin is stored", f"status {status}", body[:400])
    return batch.number


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) // 1024


def check_end(tap, collector, numbers, sanitized):
    if not sanitized:
        peak = peak_mb(collector.process.pid)
        tap.check(peak < 160, "the collector's memory stayed bounded", f"{peak} MB")
    tap.check(collector.stop() == 0, "it stops cleanly", collector.log()[-800:])
    tap.check(b"Sanitizer" not in collector.log() and
              b"runtime error" not in collector.log(),
              "no sanitizer has seen anything", collector.log()[-2000:])
    with sqlite3.connect(f"file:{collector.db}?mode=ro", uri=True) as db:
        stored = [row[0] for row in
                  db.execute("SELECT number FROM batch ORDER BY number")]
        rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
    tap.check(stored == sorted(numbers) and rows == 3 * len(stored),
              f"exactly the {len(numbers)} twins are stored",
              f"{len(stored)} batches, {rows} rows")


def pairs_of(tap, program, names):
    """Some requests and their twins to a collector of their own."""
    collector = uploads.Collector(program).make()
    try:
        keys = {name: uploads.Key(collector.folder, name)
                for name in ("lon1", "other", "stranger")}
        collector.add_vp("lon1", keys["lon1"])
        collector.add_vp("other", keys["other"])
        tap.check(collector.start(), "the collector listens")
        maker = Maker(keys)
        for name in names:
            check_pair(tap, collector, maker, name)
    finally:
        collector.remove()


def check_mutants(tap):
    for source, old, new, names in STEPS:
        with tempfile.TemporaryDirectory() as folder:
            quiet = mutant.Quiet()
            pairs_of(quiet, mutant.build(folder, "accollect",
                                         [(source, old, new)]), names)
            told = [sentence for sentence in quiet.faults
                    if ": the twin" not in sentence]
            tap.check(told and "the collector listens" not in told,
                      f"noticed without {old.strip()!r}: {' '.join(names)}",
                      quiet.faults)


def main():
    tap = uploads.Tap()
    program = os.environ.get("ACCOLLECT")
    if program is None:
        program, said = built.sanitized("accollect")
        if said:
            tap.check(False, "accollect is built with sanitizers", said)
            return tap.done()
    sanitized = "san" in os.path.basename(os.path.dirname(program))
    collector = uploads.Collector(program)
    try:
        collector.make()
        keys = {name: uploads.Key(collector.folder, name)
                for name in ("lon1", "other", "stranger")}
        collector.add_vp("lon1", keys["lon1"])
        collector.add_vp("other", keys["other"])
        if not tap.check(collector.start(), "the collector listens",
                         collector.log()):
            return tap.done()
        maker = Maker(keys)
        names = sorted(entry[:-4] for entry in os.listdir(FOLDER)
                       if entry.endswith(".req"))
        numbers = [check_pair(tap, collector, maker, name) for name in names]
        check_end(tap, collector, numbers, sanitized)
    finally:
        collector.remove()
    check_mutants(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
