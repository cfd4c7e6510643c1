#!/usr/bin/env python3
# Proves that vantage points that all send at once lose nothing, wait for seconds at most, and are sent away at random times where there are too many.
"""HERD vantage points (200; the benchmark has 1,000), each on a TLS connection
of its own, begin together; with HERD_SECONDS their beginnings are spread over
so long. A ledger of receipts is held against the rows. Then the same herd
meets a collector that takes a fifth of it.
"""
import asyncio
import glob
import os
import random
import shutil
import sqlite3
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import built  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

HERD = int(os.environ.get("HERD", 200))
SECONDS = float(os.environ.get("HERD_SECONDS", 0))
RECORDS = 50
RECEIPT_S = 5  # the 99th percentile
MEMORY_MB = 256
ATTEMPTS = 60
HASTE = 200  # a Retry-After of so many seconds is one of the test's


class Sender:
    """One batch of one vantage point, until it has a receipt."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.file = file.read()
        line, signature, _ = self.file.split(b"\n", 2)
        words = line.decode().split()
        self.vp, spool, number, self.sha256 = (words[2], words[4], words[5],
                                               words[8])
        self.request = (
            f"PUT /v1/batch/{self.vp}/{spool}/{number} HTTP/1.1\r\n"
            f"Host: collector\r\nContent-Length: {len(self.file)}\r\n"
            f"Acbatch: {line.decode()}\r\n"
            f"Acbatch-Signature: {signature.decode()}\r\n\r\n"
        ).encode() + self.file
        self.seconds = None  # from the first attempt to the receipt
        self.attempts = 0
        self.sent_away = []  # Retry-After of each 503
        self.receipt = None

    async def attempt(self, port, context):
        """(status, Retry-After, body); the status is None without answer."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost",
            ssl_handshake_timeout=60)
        try:
            writer.write(self.request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            fields = dict(line.split(": ", 1)
                          for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(fields["content-length"]))
            return int(head.split()[1]), int(fields.get("retry-after", 0)), body
        finally:
            writer.transport.abort()

    async def deliver(self, port, context, delay):
        await asyncio.sleep(delay)
        begin = time.monotonic()
        while self.receipt is None and self.attempts < ATTEMPTS:
            self.attempts += 1
            wait = random.uniform(0.05, 1)
            try:
                status, after, body = await self.attempt(port, context)
                if status in (200, 201) and self.sha256.encode() in body:
                    self.receipt = status
                elif status == 503:
                    self.sent_away.append(after)
                    wait = after / HASTE
                else:
                    raise AssertionError(f"{self.vp}: {status} {body!r}")
            except (OSError, EOFError, ssl.SSLError):
                pass  # no room, or cut off: it does not know, and asks again
            if self.receipt is None:
                await asyncio.sleep(wait)
        self.seconds = time.monotonic() - begin


def make_batches(folder, count):
    program = built.made("tests/bench/batches")
    subprocess.run([program, folder, str(count), "1", str(RECORDS)],
                   check=True)


def start(folder, extra="", program=None):
    collector = uploads.Collector(program).make(extra)
    lines = "".join(f"{os.path.basename(path)[:-4]},{path}\n"
                    for path in glob.glob(f"{folder}/*.pub"))
    subprocess.run([collector.program, "vp", "add", "--file", "-", "-f",
                    collector.conf], input=f"name,key\n{lines}", text=True,
                   check=True, capture_output=True)
    collector.start()
    return collector


def peak_mb(collector):
    with open(f"/proc/{collector.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) // 1024 for line in f
                    if line.startswith("VmHWM"))


def server_seconds(collector):
    with open(f"/proc/{collector.process.pid}/stat", encoding="ascii") as f:
        words = f.read().split()
    return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")


def kept_waiting_s():
    """How long we were ready and the machine did other things (all of the
    senders are this one thread): that is not the collector's time."""
    with open("/proc/self/schedstat", encoding="ascii") as f:
        return int(f.read().split()[1]) / 1e9


async def stampede(collector, senders):
    context = ssl.create_default_context(cafile=collector.certificate)
    step = SECONDS / len(senders)
    await asyncio.gather(*(
        sender.deliver(collector.port, context, i * step)
        for i, sender in enumerate(senders)))


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def check_ledger(tap, collector, senders, what):
    with sqlite3.connect(f"file:{collector.db}?mode=ro", uri=True) as db:
        stored = dict(db.execute(
            "SELECT v.name, lower(hex(b.sha256)) FROM batch b"
            " JOIN vp v ON v.id = b.vp"))
        rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
    lost = [s.vp for s in senders
            if s.receipt and stored.get(s.vp) != s.sha256]
    silent = [s.vp for s in senders if s.receipt is None]
    tap.check(not lost and not silent and len(stored) == len(senders) and
              rows == RECORDS * len(senders),
              f"{what}: each of {len(senders)} batches has a receipt and its "
              "rows, once", f"lost {lost[:5]}, without receipt {silent[:5]}, "
              f"{len(stored)} stored, {rows} rows", collector.log()[-800:])


def run_herd(tap, folder):
    """Up to three times: the machine may be busy with other things."""
    best = None
    for _ in range(3):
        collector = start(folder, f"connections_per_address = {2 * HERD}\n")
        senders = [Sender(p) for p in sorted(glob.glob(f"{folder}/*.acbatch"))]
        begin, waited = time.monotonic(), kept_waiting_s()
        asyncio.run(stampede(collector, senders))
        took = time.monotonic() - begin
        waited = kept_waiting_s() - waited
        p99 = percentile([s.seconds for s in senders], .99)
        away = sum(len(s.sent_away) for s in senders)
        again = sum(s.attempts - 1 for s in senders)
        memory = peak_mb(collector)
        tap.note(f"{len(senders)} in {took:.2f} s: receipt p50 "
                 f"{percentile([s.seconds for s in senders], .5):.2f} s, p99 "
                 f"{p99:.2f} s; {away} sent away, {again} came again; "
                 f"{memory} MB, {server_seconds(collector):.2f} s of "
                 f"processor time; {waited:.2f} s went to other programs")
        p99 -= waited if not SECONDS else 0
        check_ledger(tap, collector, senders, "at once")
        collector.remove()
        best = min(best or (p99, memory), (p99, memory))
        if p99 < RECEIPT_S:
            break
    tap.check(best[0] < RECEIPT_S,
              f"99 of 100 have it within {RECEIPT_S} s", best[0])
    tap.check(best[1] < MEMORY_MB,
              f"and the collector takes less than {MEMORY_MB} MB", best[1])


def run_overload(tap, folder, program=None):
    """Three quarters of the connections are served, the rest sent away."""
    collector = start(folder, f"connections = {HERD // 5}\n"
                      f"connections_per_address = {2 * HERD}\n", program)
    senders = [Sender(p) for p in sorted(glob.glob(f"{folder}/*.acbatch"))]
    asyncio.run(stampede(collector, senders))
    check_ledger(tap, collector, senders, "with a fifth of the room")
    times = [t for s in senders for t in s.sent_away]
    tap.note(f"{len(times)} answers 503 with Retry-After, "
             f"{len(set(times))} different times")
    tap.check(len(times) >= 5, "some were sent away", len(times))
    tap.check(len(set(times)) > min(len(times), 400) / 2 and
              all(1 <= t <= 600 for t in times) and
              max(times) - min(times) > 150,
              "to come back at times that are spread", times[:20])
    tap.check(b"" == collector.log() or b"ssert" not in collector.log(),
              "and the collector is well")
    collector.remove()


# What is broken, and what must be false then.
MUTANTS = (
    ("a receipt for what was not stored", "collector/pipeline.c",
     "		if (group[i]->status == 0)\n			jobs[n++]",
     "		if (group[i]->status == 0 && n == 0)\n			jobs[n++]",
     "with a fifth of the room"),
    ("everybody sent away for the same time", "collector/listen_answer.c",
     "		answer->retry_after_s =\n"
     "		    1 + arc4random_uniform(LIMIT_RETRY_AFTER_S);",
     "		answer->retry_after_s = LIMIT_RETRY_AFTER_S;",
     "at times that are spread"),
)


def mutants(tap, folder):
    for what, source, old, new, words in MUTANTS:
        program = mutant.build(folder, "accollect", [(source, old, new)])
        mutant.noticed(tap, what, words,
                       lambda quiet: run_overload(quiet, folder, program))


def main():
    tap = uploads.Tap()
    folder = f"{os.environ.get('TMPDIR', '/tmp')}/herd-{os.getpid()}"
    os.makedirs(folder)
    try:
        make_batches(folder, HERD)
        run_herd(tap, folder)
        if not SECONDS:
            run_overload(tap, folder)
            mutants(tap, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
