"""A store of schema/store.sql made by hand, for tests of acreport: raw rows as
given, runs and intervals settled here."""

import hashlib
import itertools
import json
import os
import random
import sqlite3

HOUR = 3600 * 10**6
OUTCOMES = ("answered", "refused", "unreachable", "timeout", "malformed",
            "unsent")
ADD_RUN = ("INSERT INTO run(hour,lane,first,tie,instance,last,answered,asked,"
           "unsent) VALUES(?,?,?,?,?,?,?,?,?)")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def text_form(name):
    return "".join(chr(b) if 0x20 <= b <= 0x7e and b != 0x5c
                   else f"\\{b:03d}" for b in name)


def addr_text(af, n):
    return f"192.0.2.{n}" if af == 4 else f"2001:db8::{n:x}"


def leb128(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def block_run(instance, rtts):
    """A run in a block (lib/block.h): instance, round trips (None: none)."""
    kept = [rtt for rtt in rtts if rtt is not None]
    many = len(kept) > 64
    if many:
        kept = kept[:10] + kept[-10:]
    out = leb128(instance) + leb128(len(rtts)) + leb128(2 * len(kept) + many)
    for i, rtt in enumerate(kept):
        step = rtt - kept[i - 1] if i else rtt
        out += leb128(step if not i else 2 * step if step >= 0
                      else -2 * step - 1)
    return out + (leb128(0) if many else b"")


class Record:
    """One sample. name is (method, bytes); None: no name."""

    def __init__(self, t, target, address, question, **rest):
        self.t, self.target, self.address = t, target, address
        self.question = question
        self.af = 6 if ":" in address else 4
        self.proto = rest.pop("proto", "udp")
        self.port = rest.pop("port", 53)
        self.flow = rest.pop("flow", 0)
        self.outcome = rest.pop("outcome", "answered")
        self.rtt_us = rest.pop("rtt_us", None)
        self.name = rest.pop("name", None)
        self.detail = rest.pop("detail", {"type": "dns", "flow": {"n": 0}})
        self.reply = rest.pop("reply", None)
        self.hops = rest.pop("hops", None)  # of a trace
        self.columns = rest

    @property
    def lane(self):
        return (self.target, self.address, self.af, self.port, self.proto,
                self.question, self.flow)


class Batch:
    def __init__(self, vp, records, every_s=0):
        self.vp, self.records, self.every_s = vp, records, every_s
        self.t0 = min(r.t for r in records)
        self.t1 = max(r.t for r in records)


class Store:
    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        for name in ("store.sql", "views.sql"):
            with open(os.path.join(ROOT, "schema", name),
                      encoding="utf-8") as file:
                self.db.executescript(file.read())
        self.db.execute("BEGIN")
        self.ids = {}
        self.number = 0

    def one(self, table, key, columns):
        """The id of a row, added where it is not there."""
        if (table, key) not in self.ids:
            marks = ",".join("?" * len(columns))
            cursor = self.db.execute(
                f"INSERT INTO {table}({','.join(columns)}) VALUES({marks})",
                tuple(columns.values()))
            self.ids[table, key] = cursor.lastrowid
        return self.ids[table, key]

    def vp(self, name):
        return self.one("vp", name, {"name": name})

    def place(self, vp, since, region=None, country=None, asn=None):
        self.db.execute(
            "INSERT INTO vp_place(vp,since,region,country,asn) "
            "VALUES(?,?,?,?,?)",
            (self.vp(vp), since, region, country, asn))

    def lane(self, vp, record):
        keys = ("target", "address", "af", "port", "proto", "question",
                "flow")
        return self.one("lane", (vp, record.lane),
                        {"vp": self.vp(vp), **dict(zip(keys, record.lane))})

    def instance(self, record):
        if record.outcome != "answered":
            return None
        if record.name is None:
            return 1
        method, name = record.name
        return self.one("instance", record.name, {
            "method": method, "bytes": name, "text": text_form(name)})

    def detail(self, value):
        if value is None:
            return None
        text = json.dumps(value, separators=(",", ":"))
        return self.one("detail", text, {
            "hash": hashlib.sha256(text.encode()).digest(), "json": text})

    def add(self, batch):
        self.number += 1
        first = 1 + (self.db.execute(
            "SELECT max(id) FROM measurement").fetchone()[0] or 0)
        self.db.execute(
            "INSERT INTO batch(vp,spool,number,sha256,t0,t1,first_row,rows,"
            "every_s,questions,host,received) VALUES(?,?,?,?,?,?,?,?,?,?,?,0)",
            (self.vp(batch.vp), self.one("spool", "spool", {"name": "spool"}),
             self.number, b"", batch.t0, batch.t1,
             first, len(batch.records), batch.every_s, len(batch.records),
             self.one("host", "{}", {
                 "hash": hashlib.sha256(b"{}").digest(), "json": "{}"})))
        for record in batch.records:
            row = {"lane": self.lane(batch.vp, record),
                   "dt_us": record.t - batch.t0,
                   "outcome": OUTCOMES.index(record.outcome),
                   "rtt_us": record.rtt_us,
                   "instance": self.instance(record),
                   "detail": self.detail(record.detail),
                   "reply": self.detail(record.reply), **record.columns}
            self.db.execute(
                f"INSERT INTO measurement({','.join(row)}) "
                f"VALUES({','.join('?' * len(row))})", tuple(row.values()))
            if record.hops is not None:
                self.trace(record.hops)
        for hour in range(batch.t0 // HOUR, batch.t1 // HOUR + 1):
            self.db.execute("INSERT OR IGNORE INTO unsettled(vp,hour) "
                            "VALUES(?,?)",
                            (self.vp(batch.vp), hour))

    def trace(self, hops):
        """Of the measurement that was added last."""
        number = self.db.execute(
            "SELECT max(id) FROM measurement").fetchone()[0]
        text = json.dumps(hops, separators=(",", ":"))
        path = self.one("path", text, {
            "hash": hashlib.sha256(text.encode()).digest(), "hops": text})
        self.db.execute(
            "INSERT INTO trace(measurement,path,rtts) VALUES(?,?,?)",
            (number, path, json.dumps([None] * len(hops))))

    def settle(self, until=None):
        """Runs and intervals of what is before a time (of everything), from
        scratch; the hours before it are taken off the list."""
        bound = 2**62 if until is None else until
        self.settle_runs(bound)
        self.db.execute("DELETE FROM interval")
        rows = self.db.execute(
            "SELECT m.lane, b.t0 + m.dt_us AS t, m.instance FROM batch b "
            "JOIN measurement m ON m.id BETWEEN b.first_row AND "
            "b.first_row + b.rows - 1 JOIN instance i ON i.id = m.instance "
            "WHERE t < ? ORDER BY m.lane, t, i.method, i.bytes", (bound,))
        held = []
        for lane, t, instance in rows.fetchall():
            if held and held[-1][0] == lane and held[-1][4] == instance:
                held[-1][3] = t
                continue
            tie = 0
            if held and held[-1][:2] == [lane, t]:
                tie = held[-1][2] + 1
            held.append([lane, t, tie, t, instance])
        self.db.executemany(
            "INSERT INTO interval(lane,first,tie,last,instance) "
            "VALUES(?,?,?,?,?)", held)
        self.db.execute("DELETE FROM unsettled WHERE hour < ?",
                        (bound // HOUR,))
        self.make_runs()
        self.make_blocks()

    def make_runs(self):
        """The runs of settled hours, without histograms."""
        self.db.execute("DELETE FROM run")
        unsettled = set(self.db.execute("SELECT vp, hour FROM unsettled"))
        hours = {}
        for vp, lane, t, outcome, instance in self.db.execute(
                "SELECT b.vp, m.lane, b.t0 + m.dt_us AS t, m.outcome, "
                "m.instance FROM batch b JOIN measurement m ON m.id BETWEEN "
                "b.first_row AND b.first_row + b.rows - 1 LEFT JOIN instance "
                "i ON i.id = m.instance ORDER BY t, i.method, i.bytes"):
            if (vp, t // HOUR) not in unsettled:
                hours.setdefault((t // HOUR, lane), []).append(
                    (t, outcome, instance if outcome == 0 else 0))
        for (hour, lane), samples in hours.items():
            runs, lost = [], [s for s in samples if s[2] == 0]
            for t, _, instance in samples:
                if runs and runs[-1][2] == instance and instance:
                    runs[-1][1] = t
                    runs[-1][3] += 1
                elif instance:
                    runs.append([t, t, instance, 1])
            firsts = [first for first, *_ in runs]
            rows = [(first, firsts[:i].count(first), instance, last, count,
                     count, 0)
                    for i, (first, last, instance, count) in enumerate(runs)]
            if lost:
                rows.append((lost[0][0], -1, 0, lost[-1][0], 0, len(lost),
                             sum(s[1] == 5 for s in lost)))
            self.db.executemany(ADD_RUN, [(hour, lane, *row) for row in rows])

    def make_blocks(self):
        """The blocks of settled hours."""
        self.db.execute("DELETE FROM block")
        unsettled = set(self.db.execute("SELECT vp, hour FROM unsettled"))
        hours = {}
        for vp, lane, t, outcome, instance, rtt in self.db.execute(
                "SELECT b.vp, m.lane, b.t0 + m.dt_us AS t, m.outcome, "
                "m.instance, m.rtt_us FROM batch b JOIN measurement m ON m.id "
                "BETWEEN b.first_row AND b.first_row + b.rows - 1 LEFT JOIN "
                "instance i ON i.id = m.instance "
                "ORDER BY t, i.method, i.bytes, m.rtt_us"):
            if (vp, t // HOUR) not in unsettled:
                hours.setdefault((vp, t // HOUR), {}).setdefault(
                    lane, []).append((outcome, instance, rtt))
        for (vp, hour), lanes in hours.items():
            bytes_, before = b"", 0
            for lane, samples in sorted(lanes.items()):
                body = leb128(len(samples)) + leb128(
                    sum(outcome == 5 for outcome, *_ in samples))
                for instance, run in itertools.groupby(
                        (s[1:] for s in samples if s[0] == 0),
                        key=lambda s: s[0]):
                    body += block_run(instance, [rtt for _, rtt in run])
                bytes_ += leb128(lane - before) + leb128(len(body)) + body
                before = lane
            self.db.execute("INSERT INTO block(vp,hour,lanes) VALUES(?,?,?)",
                            (vp, hour, bytes_))

    def settle_runs(self, bound):
        """Without histograms: reports of so few rows read none."""
        self.db.execute("DELETE FROM run")
        rows = self.db.execute(
            "SELECT m.lane, b.t0 + m.dt_us AS t, ifnull(m.instance, 0), "
            "m.outcome FROM batch b JOIN measurement m ON m.id BETWEEN "
            "b.first_row AND b.first_row + b.rows - 1 LEFT JOIN instance i "
            "ON i.id = m.instance WHERE t < ? "
            "ORDER BY m.lane, t, i.method, i.bytes", (bound,))
        held, lost = [], {}
        for lane, t, instance, outcome in rows.fetchall():
            unsent = int(OUTCOMES[outcome] == "unsent")
            if instance == 0:
                of = lost.setdefault((t // HOUR, lane), [t, t, 0, 0])
                of[1:] = [t, of[2] + 1, of[3] + unsent]
                continue
            if held and held[-1][:2] == [t // HOUR, lane] and \
                    held[-1][4] == instance:
                held[-1][5:8] = [t, held[-1][6] + 1, held[-1][7] + 1]
                continue
            tie = 0
            if held and held[-1][:3] == [t // HOUR, lane, t]:
                tie = held[-1][3] + 1
            held.append([t // HOUR, lane, t, tie, instance, t, 1, 1, 0])
        held += [[hour, lane, first, -1, 0, last, 0, asked, unsent]
                 for (hour, lane), (first, last, asked, unsent)
                 in lost.items()]
        self.db.executemany(ADD_RUN, held)

    def close(self):
        self.db.execute("COMMIT")
        # As accollect leaves it: with its log, for those who may only read.
        self.db.close()


def make(path, batches, places, seed, settled_until=None, late=0):
    """A store of batches that came in a random order; the last of them, as
    many as late, after the rest was settled."""
    store = Store(path)
    shuffled = list(batches)
    random.Random(seed).shuffle(shuffled)
    for vp, since, region, country, asn in places:
        store.place(vp, since, region, country, asn)
    for batch in shuffled[late:]:
        store.add(batch)
    store.settle(settled_until)
    for batch in shuffled[:late]:
        store.add(batch)
    store.close()
