#!/usr/bin/env python3
# Proves that GET /metrics is OpenMetrics as Prometheus' own parser reads it, and that every figure is what was sent, refused and lies on the disk.
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import openmetrics  # noqa: E402
import uploads  # noqa: E402


def get(port, request=b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
    """(status, headers, body)"""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.sendall(request)
        return uploads.read_whole_answer(s)


def samples(text):
    """{name or (name, label value): value}, as the parser reads the page."""
    values = {}
    for family in openmetrics.families(text):
        for sample in family.samples:
            labels = tuple(sample.labels.values())
            name = (sample.name, *labels) if labels else sample.name
            if name in values:
                raise ValueError(f"{name} twice")
            values[name] = sample.value
    return values


class Sent:
    """A collector, two vantage points and what each upload must come to."""

    def __init__(self, tap, collector):
        self.tap, self.collector = tap, collector
        self.key = uploads.Key(collector.folder, "a")
        self.stranger = uploads.Key(collector.folder, "b")
        for name in ("lon1", "fra1", "idle1"):
            collector.add_vp(name, self.key if name == "lon1" else
                             uploads.Key(collector.folder, name))
        self.now_us = int(time.time() * 1e6)

    def batch(self, number, count=3, key=None, vp="lon1", **more):
        first = self.now_us - 600_000_000
        records = [uploads.record(first + i * 1000) for i in range(count)]
        return uploads.Batch(key or self.key, vp, "ab" * 16, number, records,
                             first, **more)

    def send(self, batch, status, **more):
        got, body = self.collector.upload(batch, **more)
        if got != status:
            self.tap.check(False, f"an upload gives {status}", got, body)


def run(tap, collector):
    sent = Sent(tap, collector)
    if not tap.check(collector.start(), "it serves", collector.log()):
        return
    port = int(re.search(rb"metrics on 127.0.0.1:(\d+)",
                         collector.log()).group(1))
    at_start = samples(get(port)[2].decode())
    sent.send(sent.batch(1), 201)
    sent.send(sent.batch(2, count=5), 201)
    sent.send(sent.batch(3, count=0), 201)
    sent.send(sent.batch(2, count=5), 200)
    sent.send(sent.batch(2, count=4), 409)
    sent.send(sent.batch(4, key=sent.stranger), 403)
    sent.send(sent.batch(4, count=1, sha256="0" * 64), 400)
    sent.send(sent.batch(5), 501, Transfer_Encoding="chunked")
    bad = [uploads.record(sent.now_us, rtt_us=-5)]
    sent.send(uploads.Batch(sent.key, "lon1", "ab" * 16, 6, bad,
                            sent.now_us), 422)

    status, headers, body = get(port)
    tap.check(status == 200 and headers["content-type"] ==
              "application/openmetrics-text; version=1.0.0; charset=utf-8",
              "a page of the type that monitors ask for", status, headers)
    values = samples(body.decode())
    lag = values.get(("accollect_vp_lag_seconds", "lon1"), -1)
    age = time.time() - (sent.now_us - 600_000_000 + 4000) / 1e6
    tap.check(abs(lag - age) < 20, "the lag is the latest record's age", lag,
              age)
    tap.check(("accollect_vp_lag_seconds", "idle1") not in values,
              "who sent nothing has none")
    expect = {
        "accollect_batches_total": 3, "accollect_records_total": 8,
        "accollect_repeated_batches_total": 1,
        ("accollect_refusals_total", "conflict"): 1,
        ("accollect_refusals_total", "unknown"): 1,
        ("accollect_refusals_total", "bad record"): 1,
        ("accollect_refusals_total", "bad signature"): 0,
        ("accollect_refusals_total", "http 501"): 1,
        ("accollect_version_info", subprocess.run(
            [collector.program, "-V"], check=True, capture_output=True,
            text=True).stdout.split()[1]): 1,
    }
    for name, value in expect.items():
        tap.check(values.get(name) == value, f"{name} is {value}",
                  values.get(name), body.decode())
    refused = sum(value for name, value in values.items()
                  if name[0] == "accollect_refusals_total")
    tap.check(refused == 5, "every refusal is counted once", refused,
              body.decode())
    tap.check(all(value == 0 for name, value in at_start.items()
                  if str(name).endswith("_total")),
              "counters begin at nothing", at_start)
    for name, path in (("database", collector.db),
                       ("wal", collector.db + "-wal")):
        size = values[f"accollect_{name}_bytes"]
        tap.check(0 < size == os.path.getsize(path), f"{name} bytes", size)
    count = values["accollect_commit_seconds_count"]
    buckets = [value for name, value in values.items()
               if name[0] == "accollect_commit_seconds_bucket"]
    tap.check(count >= 5 and buckets == sorted(buckets) and
              buckets[-1] == count and
              0 < values["accollect_commit_seconds_sum"] < 60,
              "commit times are a histogram of every commit", buckets, count)
    unsettled(tap, collector, port)
    requests(tap, port)


def unsettled(tap, collector, port):
    """It falls to nothing once the server is idle, as the table does."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        left = samples(get(port)[2].decode())["accollect_unsettled_hours"]
        if left == 0:
            break
        time.sleep(0.2)
    rows = subprocess.run(["sqlite3", "-readonly", collector.db,
                           "SELECT count(*) FROM unsettled"], check=True,
                          capture_output=True, text=True).stdout.strip()
    tap.check(left == 0 and rows == "0", "unsettled hours are the table's",
              left, rows)


def requests(tap, port):
    for what, request, expected in (
            ("another path", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            ("an upload's path",
             b"PUT /v1/batch/a/b/1 HTTP/1.1\r\nHost: x\r\n"
             b"Content-Length: 3\r\n\r\nabc", 404),
            ("another method", b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
             b"Content-Length: 3\r\n\r\nabc", 405)):
        status = get(port, request)[0]
        tap.check(status == expected, f"{what} gives {expected}", status)
    stalled = [socket.create_connection(("127.0.0.1", port))
               for _ in range(8)]
    end, status = time.monotonic() + 40, None
    while status != 200 and time.monotonic() < end:
        try:
            status = get(port)[0]
        except OSError:
            time.sleep(0.5)
    for s in stalled:
        s.close()
    tap.check(status == 200, "who stalls on it keeps a monitor out for "
              "seconds only", status)


def main():
    tap = uploads.Tap()
    if openmetrics.families is None:
        tap.skip("metrics", openmetrics.MISSING)
        return tap.done()
    collector = uploads.Collector()
    try:
        collector.make('metrics = "0"\n')
        run(tap, collector)
        tap.check(collector.stop() == 0, "it stops with 0")
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
