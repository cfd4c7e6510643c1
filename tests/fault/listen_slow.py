#!/usr/bin/env python3
# Proves that peers who drip, stall, vanish, repeat themselves or crowd in neither keep a good upload waiting nor store anything twice.
"""Then each with a collector that lacks what protects it from them, which must
be noticed."""
import concurrent.futures
import contextlib
import json
import os
import socket
import sqlite3
import ssl
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import machine  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SPOOL = "51" * 16
START_US = 1700000000000000
HEAD_S = 10  # LIMIT_HTTP_HEAD_S
PER_ADDRESS = 64  # LIMIT_HTTP_PER_ADDRESS
RATE = 8192  # LIMIT_HTTP_RATE
SLACK_S = 10  # of a busy machine


class Test:
    def __init__(self, tap, program=None):
        self.tap = tap
        self.collector = uploads.Collector(program)
        self.number = 0

    def start(self):
        self.collector.make()
        self.key = Key(self.collector.folder, "lon1")
        self.collector.add_vp("lon1", self.key)
        return self.collector.start()

    def batch(self, records=3, answer="ams1", number=None):
        if number is None:
            self.number += 1
            number = self.number
        t_us = START_US + number * 300000000
        return Batch(self.key, "lon1", SPOOL, number,
                     [uploads.record(t_us + i, answer)
                      for i in range(records)], t_us)

    def connect_from(self, address, tls=True):
        raw = socket.create_connection(("127.0.0.1", self.collector.port), 20,
                                       source_address=(address, 0))
        if not tls:
            return raw
        context = ssl.create_default_context(cafile=self.collector.certificate)
        return context.wrap_socket(raw, server_hostname="localhost")

    def rows(self):
        with sqlite3.connect(f"file:{self.collector.db}?mode=ro",
                             uri=True) as db:
            return dict(db.execute(
                "SELECT number, rows FROM batch ORDER BY number")), \
                db.execute("SELECT count(*) FROM measurement").fetchone()[0]


def ended(s, data=b""):
    """Has the other side ended this connection? Sends data to find out."""
    try:
        if data:
            s.sendall(data)
        s.settimeout(0.01)
        return s.recv(1) == b""
    except (TimeoutError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def drip(t, slow, until):
    """Feed all slow peers now and then; how many still live, and when the
    last one ended."""
    last = start = time.monotonic()
    while slow and time.monotonic() < start + until:
        for s, byte in list(slow):
            if ended(s, byte):
                slow.remove((s, byte))
                last = time.monotonic()
        time.sleep(0.5)
    return len(slow), last - start


def slow_heads(t):
    """Dripping heads, TLS peers and TCP peers that say nothing."""
    slow = []
    for i in range(50):
        s = t.connect_from("127.0.0.2")
        s.sendall(b"PUT /v1/batch/lon1/")
        slow.append((s, b"a"))
    slow += [(t.connect_from("127.0.0.3"), b"") for _ in range(30)]
    slow += [(t.connect_from("127.0.0.4", tls=False), b"") for _ in range(60)]
    return slow


def slow_body(t):
    batch = t.batch(records=40)
    data = batch.request()
    s = t.connect_from("127.0.0.5")
    s.sendall(data[:-len(batch.body)])
    return s, batch


def check_slow(t):
    slow = slow_heads(t)
    s, batch = slow_body(t)
    slow.append((s, b"x"))
    times = []
    for _ in range(20):
        quick = t.batch()
        watch = machine.Watch()
        status, _ = t.collector.upload(quick)
        times.append(watch.own_seconds() if status == 201 else 99)
    t.tap.check(max(times) < 1,
                f"with {len(slow)} slow peers an upload takes less than 1 s",
                times)
    limit = HEAD_S + len(batch.file) / RATE + SLACK_S
    left, seconds = drip(t, slow, limit + 5)
    t.tap.check(left == 0 and seconds < limit,
                "each of them is cut off at its deadline, data or no data",
                f"{left} left after {seconds:.1f} s, limit {limit:.1f}")


def check_one_slow(t):
    """One that drips, and nobody else: for a collector that lets it."""
    s = t.connect_from("127.0.0.2")
    s.sendall(b"PUT /v1/batch/lon1/")
    left, _ = drip(t, [(s, b"a")], HEAD_S + SLACK_S)
    t.tap.check(left == 0, "it is cut off at its deadline")
    s.close()


def gather(t):
    """Idle connections of one address: as many as it gets."""
    crowd = []
    for _ in range(PER_ADDRESS + 10):
        with contextlib.suppress(OSError):
            crowd.append(t.connect_from("127.0.0.6"))
    return crowd


def check_crowd(t):
    for _ in range(3):
        begun = time.monotonic()
        crowd = gather(t)
        if time.monotonic() - begun < HEAD_S:
            break  # before the first of them was cut off
        for s in crowd:
            s.close()
    t.tap.check(len(crowd) == PER_ADDRESS,
                f"one address has at most {PER_ADDRESS} connections",
                len(crowd))
    status, body = t.collector.upload(t.batch())
    t.tap.check(status == 201, "and the others are served", status, body)
    for s in crowd:
        s.close()


def reset(s):
    """Close with a TCP reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def check_half_sent(t):
    batch = t.batch()
    data = batch.request()
    before = t.rows()
    for i in range(50):
        s = t.collector.connect()
        s.sendall(data[:len(data) * i // 50])
        reset(s)
    t.tap.check(t.rows() == before, "50 half-sent uploads leave no row")
    status, body = t.collector.upload(batch)
    t.tap.check(status == 201, "and the whole one is stored", status, body)


def check_swallowed(t):
    """The 201 is lost on its way back: the batch is sent again."""
    batch = t.batch()
    with t.collector.connect() as s:
        s.sendall(batch.request())
        reset(s)
    answers = set()
    for _ in range(3):
        status, body = t.collector.upload(batch)
        answers.add((status, body))
    again = {status for status, _ in answers}
    t.tap.check(again <= {200, 201} and 200 in again,
                "after an answer that got lost the same batch is receipted",
                answers)
    receipt = json.loads(answers.pop()[1])
    t.tap.check(receipt == {"sha256": batch.sha256, "vp": "lon1",
                            "spool": SPOOL, "number": batch.number,
                            "stored": True},
                "the receipt names digest, vantage point, spool and number",
                receipt)


def check_repeats(t):
    batch = t.batch()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(
            lambda _: t.collector.upload(batch)[0], range(200)))
    t.tap.check(sorted(statuses) == [200] * 199 + [201],
                "of 200 uploads of one batch, 8 at once, one stores it",
                {s: statuses.count(s) for s in set(statuses)})


def check_conflict(t):
    first = t.batch()
    other = t.batch(answer="rogue", number=first.number)
    statuses = [t.collector.upload(b)[0] for b in (first, other, first)]
    t.tap.check(statuses == [201, 409, 200],
                "other content under the same number is 409, the first stays",
                statuses)
    aside = os.path.join(t.collector.folder, "archive", "conflict")
    names = os.listdir(aside) if os.path.isdir(aside) else []
    t.tap.check(len(names) == 1, "and is set aside", names)


def answer_to_head(t, batch):
    """What comes when only the head was sent."""
    data = batch.request(Expect="100-continue")
    with t.collector.connect() as s:
        s.sendall(data[:-len(batch.file)])
        status, headers, body = uploads.read_whole_answer(s)
        if status != 100:
            return status, headers, body
        s.sendall(batch.file)
        return (100, *uploads.read_whole_answer(s))


def check_expect(t):
    batch = t.batch()
    got = answer_to_head(t, batch)
    t.tap.check(got[:2] == (100, 201), "100 Continue, the body, 201", got)
    got = answer_to_head(t, batch)
    t.tap.check(got[0] == 200 and batch.sha256.encode() in got[2],
                "a stored batch is receipted before its body comes", got)
    stranger = Batch(t.key, "nobody", SPOOL, 1, [], START_US)
    got = answer_to_head(t, stranger)
    t.tap.check(got[0] == 403, "an unknown vantage point is 403 before it", got)
    forged = t.batch()
    forged.signature = batch.signature
    got = answer_to_head(t, forged)
    t.tap.check(got[0] == 401, "a bad signature is 401 before it", got)


def check_keep_alive(t):
    batches = [t.batch() for _ in range(30)]
    with t.collector.connect() as s:
        statuses = []
        for batch in batches:
            s.sendall(batch.request())
            statuses.append(uploads.read_answer(s)[0])
    t.tap.check(statuses == [201] * 30,
                "thirty uploads go over one connection", statuses)


def check_stop(t):
    """SIGTERM in the middle of an upload."""
    batch = t.batch()
    data = batch.request(Expect="100-continue")
    with t.collector.connect() as s:
        s.sendall(data[:-len(batch.file)])
        uploads.read_whole_answer(s)  # 100: it is under way
        s.sendall(batch.file[:-20])
        t.collector.process.terminate()
        time.sleep(0.5)
        with contextlib.suppress(OSError):  # cut off: read why
            s.sendall(batch.file[-20:])
        status, body = uploads.read_answer(s)
    code = t.collector.process.wait(30)
    t.tap.check(status == 201 and code == 0,
                "an upload under way at SIGTERM is stored and answered",
                status, code, t.collector.log()[-600:])


def check_rows(t):
    batches, rows = t.rows()
    t.tap.check(rows == sum(batches.values()), "no row is there twice",
                rows, sum(batches.values()))


# What is taken out, and who must miss it.
STEPS = (
    ("a deadline", "collector/listen_peers.c",
     "(void)shutdown(peer->fd, SHUT_RDWR);", "", check_one_slow),
    ("a limit for an address", "collector/listen_peers.c",
     "return same < peers->per_address;", "return true;", check_crowd),
    ("the look whether it is stored", "collector/store_batch.c",
     "return result == STORE_OK ? found : result;",
     "(void)found; return result;", check_repeats),
    ("the look whether it is the same", "collector/store_batch.c",
     ": STORE_CONFLICT;", ": STORE_DUPLICATE;", check_conflict),
    ("evidence of a conflict", "collector/ingest.c",
     "		if (job->result.verdict == INGEST_CONFLICT)\n", "		if (0)\n",
     check_conflict),
    ("the look at the head", "collector/listen_upload.c",
     "	preview(u);\n	if", "	if", check_expect),
    ("waiting for what is under way", "collector/listen_upload.c",
     "	u->shared->under_way++;\n", "	u->shared->under_way += 0;\n",
     check_stop),
)


def check_mutants(tap):
    for what, source, old, new, part in STEPS:
        with tempfile.TemporaryDirectory(
                prefix=f"listen-slow-{os.getpid()}-") as folder:
            quiet = mutant.Quiet()
            t = Test(quiet, mutant.build(folder, "accollect",
                                         [(source, old, new)]))
            try:
                started = t.start()
                part(t)
            finally:
                t.collector.remove()
            tap.check(started and quiet.faults,
                      f"a collector without {what} is noticed", started)


def main():
    t = Test(uploads.Tap())
    if not os.path.exists(t.collector.program):
        t.tap.check(False, f"{t.collector.program} is built")
        return t.tap.done()
    try:
        if not t.tap.check(t.start(), "the collector listens",
                           t.collector.log()):
            return t.tap.done()
        for check in (check_slow, check_crowd, check_half_sent,
                      check_swallowed, check_repeats, check_conflict,
                      check_expect, check_keep_alive, check_stop, check_rows):
            check(t)
        check_mutants(t.tap)
    finally:
        t.collector.remove()
    return t.tap.done()


if __name__ == "__main__":
    sys.exit(main())
