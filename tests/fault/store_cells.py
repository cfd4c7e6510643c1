#!/usr/bin/env python3
# Proves that accollect check finds whatever a reader could see changed in any column of any table, and any flipped bit in any of their pages, and that each row has the CRC-32 of its values.
"""One good store with rows in every table; copies of it, each with one cell
changed or one bit flipped at a place drawn from a printed seed. Where another
content is read then, check must have found it."""
import contextlib
import os
import random
import sqlite3
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import filled  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402
from strict import STRICT  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
CELLS = 6 if STRICT else 2  # of each column
BITS = 30 if STRICT else 3  # of each table and index
PAGE = 4096

QUERIES = "collector/statements_check.c"
SUMLESS = [(QUERIES, 'WHERE sum IS NOT"', 'WHERE 0 AND sum IS NOT"')]
NO_INDEX = [(QUERIES, "SELECT integrity_check FROM pragma_integrity_check",
             "SELECT quick_check AS integrity_check FROM pragma_quick_check")]
# What only a row's own sum shows, of each table that has them.
OLD = "(SELECT min(hour) FROM run)"  # its records are gone
BY_SUM = {
    "vp": "SET name = 'idle2' WHERE name = 'idle1'",
    "vp_place": "SET region = 'as' WHERE region = 'eu'",
    "vp_key": "SET until = until + 1 WHERE until > 0",
    "spool": "SET name = replace(name, '0e', '0f')",
    "batch": "SET lost = 7 WHERE pruned = 7",
    "lane": "SET port = port + 1",
    "instance": "SET method = 'id.server' WHERE id ="
                " (SELECT max(id) FROM instance)",
    "run": f"SET answered = answered + 1 WHERE hour = {OLD}",
    "block": f"SET lanes = x'00' WHERE hour = {OLD}",
    "interval": "SET last = last - 1 WHERE last ="
                " (SELECT min(last) FROM interval)",
    "setting": "SET value = value - 3600000000 WHERE name = 'run_horizon'",
    "refusal": "SET count = count + 1",
    "note": "SET text = 'a card was not replaced' WHERE site = 'AMS'",
    "site_list": "SET lines = replace(lines, 'Amsterdam', 'Rotterdam')",
    "intake": "SET bytes = bytes + 1",
    "conflict": "SET number = number + 1",
    "vp_address": "SET addresses = '192.0.2.1' WHERE af > 0",
}

def number(value):
    return struct.pack("<Q", value % (1 << 64))


def bytes_of(value):
    """As row_sum.h says."""
    if value is None:
        return b"\x80\x00"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return struct.pack("<d", value + 0.0)
    return number(len(value)) + value


def kept_of(table, total):
    """Signed; folded to 16 bits of a run."""
    bits = 16 if table == "run" else 32
    total = (total ^ total >> 16) & 0xffff if bits == 16 else total
    return total - (total >> bits - 1 << bits)


def sum_of(values):
    return zlib.crc32(b"".join(bytes_of(value) for value in values))


def changed(draw, value, kind, may_be_null):
    """Another value that the column takes."""
    if value is not None and may_be_null and draw.random() < 0.2:
        return None
    if kind == "INTEGER":
        return 1 if value is None else value ^ 1 << draw.randrange(21)
    if kind == "REAL":
        return 1.5 if value is None else value + draw.choice((1e-6, -1, 7))
    value = bytearray(b"" if value is None else value)
    if not value:
        value += b"x"
    else:
        at = draw.randrange(len(value))
        value[at] ^= 1 << draw.randrange(7 if kind == "BLOB" else 4)
    return bytes(value)


class Test(filled.Copies):
    def __init__(self, tap, collector):
        super().__init__(collector)
        self.tap = tap
        self.random = random.Random(SEED)
        filled.Filler(collector, self.random).fill()
        with self.life():
            empty = [name for name, rows in filled.content_of(self.copy)[1]
                     if not rows]
        self.tap.check(not empty, "every table, view and index has rows",
                       *empty)
        self.tap.check(self.check() == 0, "a good store has no fault",
                       self.said)
        self.want = filled.content_of(self.copy)

    def tables(self):
        """{name: [(column, type, may be null, of the key)]}"""
        with contextlib.closing(sqlite3.connect(self.collector.db)) as db:
            return {name: [(c[1], c[2], not c[3] and not c[5], c[5] > 0)
                           for c in db.execute(f"PRAGMA table_info({name})")]
                    for name, in db.execute(
                        "SELECT name FROM sqlite_schema WHERE type = 'table'"
                        " ORDER BY name").fetchall()}

    # --- sums ---

    def sums(self):
        wrong, count = [], 0
        with contextlib.closing(sqlite3.connect(self.collector.db)) as db:
            db.text_factory = bytes
            for table, columns in self.tables().items():
                names = [column[0] for column in columns]
                if "sum" not in names:
                    continue
                summed = [n for n in names if n not in ("id", "sum")]
                for row in db.execute(f"SELECT sum, {', '.join(summed)} FROM"
                                      f" {table}"):
                    count += 1
                    if row[0] != kept_of(table, sum_of(row[1:])):
                        wrong.append((table, row))
            for first, last, *sums in db.execute(
                    "SELECT s.first_row, s.first_row + b.rows - 1, s.rows,"
                    " s.traces, s.replies FROM row_sum AS s JOIN batch AS b ON"
                    " b.first_row = s.first_row").fetchall():
                for had, (table, key) in zip(sums, (
                        ("measurement", "id"), ("trace", "measurement"),
                        ("answer_bytes", "measurement"))):
                    rows = db.execute(
                        f"SELECT * FROM {table} WHERE {key} BETWEEN ? AND ?"
                        f" ORDER BY {key}", (first, last)).fetchall()
                    count += 1
                    if (had or 0) != sum_of(sum_of(row) for row in rows):
                        wrong.append((table, first, had))
        self.tap.check(not wrong and count > 100,
                       f"each of {count} sums is the CRC-32 of its values",
                       *wrong[:3])

    # --- cells ---

    def change(self, table, columns, column):
        """What was changed, or None."""
        name, kind, may_be_null, _ = column
        key = [c[0] for c in columns if c[3]]
        with self.life() as db:
            rows = db.execute(f"SELECT {name}, {', '.join(key)} FROM"
                              f" {table}").fetchall()
            row = self.random.choice(rows)
            value = changed(self.random, row[0], kind, may_be_null)
            # Bytes as text, whatever they are.
            new = "CAST(? AS TEXT)" if kind == "TEXT" else "?"
            where = " AND ".join(
                f"{part} = " + ("CAST(? AS TEXT)" if isinstance(
                    at, bytes) and part != "public" else "?")
                for part, at in zip(key, row[1:]))
            try:
                done = db.execute(f"UPDATE {table} SET {name} = {new} WHERE"
                                  f" {where}", (value, *row[1:])).rowcount
            except sqlite3.IntegrityError:
                return None  # there is such a row
            if done != 1:
                raise AssertionError(f"{table} {name} {row}: {done} rows")
        return f"{table}.{name}: {row[0]!r} -> {value!r}"

    def cells(self):
        missed, count, found = [], 0, 0
        for table, columns in self.tables().items():
            for column in columns * CELLS:
                what = self.change(table, columns, column)
                if what is None:
                    continue
                count += 1
                if self.check() != 0:
                    found += 1
                elif filled.content_of(self.copy) != self.want:
                    missed.append(f"{what}: {self.said}")
        self.tap.check(not missed and found > count * 0.8 > 80,
                       f"of {count} changed cells in {len(self.tables())} "
                       f"tables {found} are found, and no other changes what "
                       "is read", *missed[:5])

    # --- bits ---

    def pages(self):
        """{table or index: its pages}"""
        said = subprocess.run(
            ["sqlite3", "-readonly", f"file:{self.collector.db}?immutable=1",
             "SELECT name, pageno FROM dbstat"], check=True,
            capture_output=True, text=True).stdout.split()
        pages = {}
        for line in said:
            name, page = line.split("|")
            pages.setdefault(name, []).append(int(page))
        return pages

    def bit(self, pages, whole):
        """Another bit in a copy; the byte."""
        start = (self.random.choice(pages) - 1) * PAGE
        # Mostly where something is written.
        at = self.random.choice(
            [at for at in range(start, start + PAGE)
             if whole[at] != 0 or self.random.random() < 0.1])
        with self.life():
            pass
        with open(self.copy, "r+b") as file:
            file.seek(at)
            file.write(bytes([whole[at] ^ 1 << self.random.randrange(8)]))
        return at

    def bits(self):
        """self.missed: tables and indexes that are read otherwise, and check
        found nothing."""
        pages, missed, found, drawn = self.pages(), [], 0, 0
        self.missed = set()
        with open(self.collector.db, "rb") as file:
            whole = file.read()
        for name, of in pages.items():
            for _ in range(BITS):
                at = self.bit(of, whole)
                drawn += 1
                if self.check() != 0:
                    found += 1
                elif filled.content_of(self.copy) != self.want:
                    self.missed.add(name)
                    missed.append(f"{name}, byte {at}: {self.said}")
        self.tap.check(not missed and found > drawn // 5,
                       f"of {drawn} flipped bits in {len(pages)} tables and "
                       f"indexes {found} are found, and no other changes what "
                       "is read", len(missed), *missed[:2])

    def single(self):
        """Of each table a change that nothing else in the store contradicts."""
        self.missed = set()
        for table, change in BY_SUM.items():
            with self.life() as db:
                rows = db.execute(f"UPDATE {table} {change}").rowcount
            if rows < 1:
                raise AssertionError(f"{table}: no row for {change}")
            if self.check() != 1 or f"  {table} " not in self.said:
                self.missed.add(table)
        self.tap.check(not self.missed, f"a change in each of {len(BY_SUM)} "
                       "tables that only a sum shows is found and named",
                       *self.missed)

    def with_mutant(self, changes, part):
        own, tap = self.program, self.tap
        self.program = mutant.build(self.collector.folder, "accollect",
                                    changes)
        self.tap = mutant.Quiet()
        part()
        self.program, self.tap = own, tap

    def mutants(self):
        self.with_mutant(SUMLESS, self.single)
        self.tap.check(self.missed == set(BY_SUM), "a check without sums finds"
                       " none of them", set(BY_SUM) - self.missed)
        self.with_mutant(NO_INDEX, self.bits)
        with self.life() as db:
            indexes = {name.decode() for name, _ in filled.indexes_of(db)}
        self.tap.check(self.missed and self.missed <= indexes,
                       "a check that reads no index finds less of "
                       f"{len(self.missed)} of {len(indexes)} indexes, and of "
                       "nothing else", *self.missed - indexes)


def main():
    tap = uploads.Tap()
    tap.note(f"seed {SEED}")
    collector = uploads.Collector().make(filled.CONF)
    try:
        test = Test(tap, collector)
        test.sums()
        test.cells()
        test.bits()
        test.single()
        test.mutants()
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
