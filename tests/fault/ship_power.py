#!/usr/bin/env python3
# Proves that where the power is lost while acship sends or just after it let a batch go, what comes back is sent again, known to the collector, and stored once; ext4 and XFS.
# time limit: 3000 s
"""The spool is on a file system in a loop device. acship is killed as it enters
a call for the index-th time, or not at all, and the power is cut at once (the
shutdown ioctl without a log flush): what it let go and nobody flushed is there
again. Then it runs once more. POWER_CUTS (16; with STRICT 200) points, drawn
from SEED among the calls that a run was seen to make, so that it is killed in
four of five. The same with a collector that does not know a batch again must
fail.
"""
import os
import random
import shutil
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "lib"),
                os.path.dirname(__file__)]
import mutant  # noqa: E402
import ship_kill  # noqa: E402
import store_power  # noqa: E402
import traced  # noqa: E402
import uploads  # noqa: E402
from strict import STRICT  # noqa: E402

CUTS = int(os.environ.get("POWER_CUTS") or
           (200 if STRICT else 16))
CALLS = ("write", "fsync", "renameat", "unlinkat", "rename", "unlink",
         "sendto", "linkat")
KILLED = 0.8  # share of the cuts


class Street(ship_kill.Street):
    """Its spool can lose its power."""

    def __init__(self, tap, collector, disk):
        super().__init__(tap, collector,
                         os.environ.get("ACSHIP") or
                         os.path.join(uploads.BUILD, "acship"))
        os.rmdir(self.spool)
        self.disk = disk
        disk.make()
        self.spool = os.path.join(disk.place, "spool")
        os.mkdir(self.spool, 0o700)
        collector.add_vp("lon1", self.key)
        collector.start()
        self.came_back = self.killed = 0
        self.survived = []

    def points(self):
        """The (call, index) that every run makes while nothing is cut: by
        thread, as strace counts."""
        return sorted(self.traced() & self.traced() & self.traced())

    def traced(self):
        trace = os.path.join(self.collector.folder, "trace")
        self.fill()
        self.run_ship(*traced.words(CALLS, trace))
        return traced.points_in(trace)

    def cut(self, call=None, index=0):
        """Send, and lose the power; then again."""
        self.fill()
        os.sync()
        code = self.run_ship(*(ship_kill.strace(call, index) if call else ()))
        killed = code is not None and (code < 0 or code > 128)
        self.killed += killed
        if call and not killed:
            self.survived.append(f"{call} {index}: {code}")
        gone = set(self.made) - self.waiting()
        self.look()
        self.disk.cut()
        self.disk.unmount()
        self.disk.mount()
        self.came_back += len(gone & self.waiting())
        self.look()
        return self.run_ship()

    def rows(self):
        """(batches, rows) of the collector."""
        stored = self.stored()
        with store_power.contextlib.closing(store_power.sqlite3.connect(
                f"file:{self.collector.db}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
        return {n: sha for n, (sha, _) in stored.items()}, rows


def survives(tap, disk, rng):
    collector = uploads.Collector().make()
    try:
        street = Street(tap, collector, disk)
        points = street.points()
        planned = round(KILLED * CUTS)
        cuts = [()] * (CUTS - planned) + [
            points[i % len(points)] for i in
            rng.sample(range(max(planned, len(points))), planned)]
        rng.shuffle(cuts)
        codes = [street.cut(*point) for point in cuts]
        stored, rows = street.rows()
        tap.check(not street.lost and not street.waiting() and
                  set(codes) == {0},
                  f"{disk.kind}: {CUTS} power cuts, acship killed at a call "
                  f"in {street.killed}: nothing left the spool unstored, "
                  "and all went in the end", street.lost, codes,
                  street.said)
        tap.check(street.killed > 0.9 * planned,
                  f"{disk.kind}: {street.killed} of {planned} times it was "
                  f"killed, at {len(set(cuts)) - 1} of {len(points)} calls",
                  street.survived, points)
        tap.check(street.came_back > 0,
                  f"{disk.kind}: {street.came_back} that were let go came "
                  "back")
        tap.check(stored == {n: b.sha256 for n, b in street.made.items()} and
                  rows == len(street.made),
                  f"{disk.kind}: each of {len(street.made)} batches and its "
                  "rows is stored once", len(stored), rows)
    finally:
        collector.remove()


def fails(tap, disk, program):
    """A collector that takes what comes back for new."""
    collector = uploads.Collector(program).make()
    try:
        street = Street(tap, collector, disk)
        code = street.cut()
        stored, rows = street.rows()
        tap.check(street.came_back > 0 and (
            code != 0 or street.waiting() or rows != len(stored)),
            "without the look whether a batch is stored this is noticed",
            code, street.came_back, rows)
    finally:
        collector.remove()


def main():
    store_power.own_mounts()
    tap = uploads.Tap()
    folder = tempfile.mkdtemp(prefix=f"ship-power-{os.getpid()}-")
    seed = int(os.environ.get("SEED", "8"))
    tap.note(f"seed {seed}")
    disks = []
    try:
        if why := store_power.can_mount(folder):
            tap.skip("a power cut", why)
            return tap.done()
        if shutil.which("strace") is None:
            tap.skip("a power cut", "strace is missing")
            return tap.done()
        program = mutant.build(folder, "accollect", [
            ("collector/store_batch.c",
             "return result == STORE_OK ? found : result;",
             "(void)found; return result;")])
        for kind in ("ext4", "xfs"):
            if shutil.which(f"mkfs.{kind}") is None:
                tap.skip(f"{kind}: power cuts", f"no mkfs.{kind}")
                continue
            disks.append(store_power.Disk(folder, kind))
            survives(tap, disks[-1], random.Random(seed))
            fails(tap, disks[-1], program)
        return tap.done()
    finally:
        for disk in disks:
            disk.unmount()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
