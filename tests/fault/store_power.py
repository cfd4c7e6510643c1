#!/usr/bin/env python3
# Proves that what accollect import printed as stored survives a power cut, and that the same test fails without synchronous=FULL and without fsync.
# time limit: 3000 s
"""A file system in a loop device is shut down without flushing its log (the
shutdown ioctl of ext4 and XFS) the moment a batch was said to be stored; it
is mounted again and the database must have it. The same with two programs
that are broken on purpose: one with synchronous=NORMAL, one whose fsync and
fdatasync do nothing; there batches must be lost, or this test proves nothing.
POWER_CUTS (8; with STRICT 200) times at a random moment after a random
receipt, drawn from SEED.
"""
import contextlib
import fcntl
import glob
import os
import random
import shlex
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from strict import STRICT  # noqa: E402
from uploads import Batch, Key  # noqa: E402

BUILD = os.environ.get("B") or "build"
PROGRAM = os.path.abspath(
    os.environ.get("ACCOLLECT") or
    os.path.join(uploads.ROOT, BUILD, "accollect"))
SHUTDOWN = 0x8004587d  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN: _IOR('X', 125)
NOLOGFLUSH = 2
CUTS = int(os.environ.get("POWER_CUTS") or
           (200 if STRICT else 8))
SEED = int(os.environ.get("SEED", "9"))
MUTANT_CUTS = 3
BATCHES = 12
SPOOL = "d3" * 16
START_US = 1700000000000000
ROWS = 30
LIBS = ("-lmicrohttpd -lgnutls -lsqlite3 -lconfuse -ljansson -lzstd -lz "
        "-lcrypto -lcap-ng -lpcre2-8 -lm").split()
NO_FSYNC = """
int fsync(int fd);
int fdatasync(int fd);
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
"""


class Disk:
    """A file system that can lose its power."""

    def __init__(self, folder, kind):
        self.image = os.path.join(folder, kind + ".img")
        self.place = os.path.join(folder, kind)
        self.kind = kind
        self.mounted = False  # a dead XFS does not even answer to stat
        os.mkdir(self.place)
        # XFS takes no less than 300 MB; both files are sparse.
        with open(self.image, "wb") as file:
            file.truncate((320 if kind == "xfs" else 64) << 20)

    def make(self):
        self.unmount()
        words = ["-q", "-F"] if self.kind == "ext4" else ["-q", "-f"]
        subprocess.run([f"mkfs.{self.kind}", *words, self.image], check=True,
                       capture_output=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.place],
                       check=True, capture_output=True)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.place], check=True)
            self.mounted = False

    def cut(self):
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(fd)


def write_batches(folder, key):
    paths = []
    for number in range(1, BATCHES + 1):
        t_us = START_US + number * 300000000
        records = [uploads.record(t_us + i * 1000, f"ams{i % 7}")
                   for i in range(ROWS)]
        paths.append(os.path.join(folder, f"{number}.acbatch"))
        with open(paths[-1], "wb") as file:
            file.write(Batch(key, "lon1", SPOOL, number, records, t_us).file)
    return paths


class Test:
    def __init__(self, folder):
        self.tap = uploads.Tap()
        self.folder = folder
        self.key = Key(folder, "lon1")
        self.files = write_batches(folder, self.key)
        self.rng = random.Random(SEED)
        self.tap.note(f"seed {SEED}")

    def words(self, program, disk, archive, *words):
        words = [program, *words, "--db", f"{disk.place}/anycast.db"]
        return words + (["--archive", f"{disk.place}/archive"]
                        if archive else [])

    def prepare(self, disk, archive):
        """A store that is on the disk, whatever the program is like."""
        disk.make()
        for words in (["init"], ["vp", "add", "lon1", "--key",
                                 self.key.public_path]):
            subprocess.run(self.words(PROGRAM, disk, archive, *words),
                           check=True, capture_output=True)
        os.sync()

    def cut_after(self, program, disk, archive, receipts, delay_s=0):
        """Import, cut the power at that receipt or a moment later. How many
        there were."""
        self.prepare(disk, archive)
        process = subprocess.Popen(
            self.words(program, disk, archive, "import", *self.files),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        seen = 0
        for line in process.stdout:
            seen += ": stored: " in line
            if seen == receipts:
                time.sleep(delay_s)
                disk.cut()
                break
        # What it prints from now on is no receipt: the power is gone.
        process.stdout.close()
        process.kill()
        process.wait()
        disk.unmount()
        disk.mount()
        return seen

    def survivors(self, disk):
        """Numbers of the batches that are there; what is wrong."""
        try:
            with contextlib.closing(sqlite3.connect(
                    f"file:{disk.place}/anycast.db?mode=ro", uri=True)) as db:
                numbers = {row[0] for row in
                           db.execute("SELECT number FROM batch")}
                return numbers, db.execute(
                    "PRAGMA integrity_check").fetchone()[0]
        except sqlite3.Error as error:
            return set(), str(error)

    def one_cut(self, program, disk, archive, receipts, delay_s=0):
        """(receipts, lost, fault)"""
        seen = self.cut_after(program, disk, archive, receipts, delay_s)
        there, sound = self.survivors(disk)
        lost = len(set(range(1, seen + 1)) - there)
        return seen, lost, "" if sound == "ok" else sound

    def archived(self, disk):
        """Whether everything can be made again from the archive."""
        new = os.path.join(self.folder, "new.db")
        for path in glob.glob(new + "*"):
            os.unlink(path)
        said = subprocess.run([PROGRAM, "rebuild", "--archive",
                               f"{disk.place}/archive", "--db", new],
                              check=False, capture_output=True, text=True)
        there, _ = self.survivors(disk)
        if not os.path.exists(new):
            self.tap.note(f"rebuild: {said}")
            return False
        with contextlib.closing(sqlite3.connect(
                f"file:{new}?mode=ro", uri=True)) as db:
            rebuilt = {row[0] for row in db.execute("SELECT number FROM batch")}
        return there <= rebuilt

    def survives(self, disk):
        receipts, lost, faults, missing = 0, 0, [], 0
        for cut in range(CUTS):
            seen, gone, fault = self.one_cut(
                PROGRAM, disk, cut % 4 != 3,
                self.rng.randrange(1, BATCHES + 1),
                self.rng.choice((0, self.rng.uniform(0, 0.01))))
            receipts += seen
            lost += gone
            faults += [fault] if fault else []
            if cut % 4 != 3:
                missing += not self.archived(disk)
            again = subprocess.run(
                self.words(PROGRAM, disk, cut % 4 != 3, "import",
                           *self.files), check=False, capture_output=True,
                text=True)
            if again.returncode:
                faults.append(f"imported again: {again}")
        self.tap.check(lost == 0 and receipts >= CUTS and not faults,
                       f"{disk.kind}: {receipts} receipts, {CUTS} power cuts, "
                       "nothing lost and the database sound",
                       f"lost {lost}", *faults)
        self.tap.check(missing == 0, f"{disk.kind}: the archive has all that "
                       "the database has after a cut", f"{missing} times not")

    def loses(self, program, disk, what):
        receipts, lost, faults = 0, 0, 0
        for cut in range(MUTANT_CUTS):
            seen, gone, fault = self.one_cut(program, disk, False,
                                             BATCHES - cut)
            receipts += seen
            lost += gone
            faults += bool(fault)
        self.tap.check(lost > 0, f"{disk.kind}: {what} is noticed: {lost} of "
                       f"{receipts} receipts lost",
                       f"nothing lost, {faults} databases damaged")

    # --- programs that are broken on purpose ---

    def link(self, name, replaced, *more):
        with open(os.path.join(uploads.ROOT, BUILD, "flags"),
                  encoding="utf-8") as file:
            flags = shlex.split(file.read())
        objects = [path for path in glob.glob(
            os.path.join(uploads.ROOT, BUILD, "collector", "*.o"))
            if os.path.basename(path) != replaced and os.path.exists(
                os.path.join(uploads.ROOT, "collector",
                             os.path.basename(path)[:-2] + ".c"))]
        out = os.path.join(self.folder, name)
        subprocess.run(
            flags + ["-w", "-MF", out + ".d", "-o", out, *more, *objects,
                     f"{BUILD}/schema_sql.o", f"{BUILD}/libac.a", *LIBS],
            cwd=uploads.ROOT, check=True)
        return out

    def source(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def normal(self):
        path = os.path.join(uploads.ROOT, "collector", "store_open.c")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        changed = text.replace("synchronous = FULL", "synchronous = NORMAL")
        changed = changed.replace("SYNCHRONOUS_FULL 2", "SYNCHRONOUS_FULL 1")
        assert changed.count("NORMAL") == 1 and "FULL 1" in changed
        return self.link("normal", "store_open.o",
                         self.source("store_open_normal.c", changed))

    def unflushed(self):
        return self.link("unflushed", "", self.source("no_fsync.c", NO_FSYNC))


def can_mount(folder):
    """Why not, or ""."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        disk = Disk(folder, "ext4")
        disk.make()
        disk.cut()
        disk.unmount()
        shutil.rmtree(disk.place)
        os.unlink(disk.image)
        return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no loop device with ext4 and its shutdown here ({error})"


def own_mounts():
    """In a namespace of our own: elsewhere a copy of a mount that another
    test's namespace holds would keep the dead file system alive."""
    if os.geteuid() == 0 and "STORE_POWER" not in os.environ:
        os.environ["STORE_POWER"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                              sys.executable, *sys.argv])


def main():
    own_mounts()
    folder = tempfile.mkdtemp(prefix=f"store-power-{os.getpid()}-")
    disks = []
    try:
        test = Test(folder)
        if why := can_mount(folder):
            test.tap.skip("a power cut", why)
            return test.tap.done()
        programs = ((test.normal(), "synchronous=NORMAL"),
                    (test.unflushed(), "an fsync that does nothing"))
        for kind in ("ext4", "xfs"):
            if shutil.which(f"mkfs.{kind}") is None:
                test.tap.skip(f"{kind}: power cuts", f"no mkfs.{kind}")
                continue
            disks.append(Disk(folder, kind))
            test.survives(disks[-1])
            for program, what in programs:
                test.loses(program, disks[-1], what)
        return test.tap.done()
    finally:
        for disk in disks:
            disk.unmount()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
