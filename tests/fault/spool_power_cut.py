#!/usr/bin/env python3
# Proves that every promised batch survives a power cut, on ext4 and XFS, and that this test sees it when nothing is flushed.
# time limit: 3000 s
"""A file system in a file, mounted; batches are published; then the kernel is
told to drop everything that was not flushed (the shutdown ioctl without its
log flush), and the file system is mounted again: what is left is what a power
cut leaves. Before every other cut a publishing process is killed as it enters
a call that it was seen to make, drawn from SEED. POWER_CUTS (8; with STRICT
200) of them.
"""
import fcntl
import os
import random
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import spools  # noqa: E402
import traced  # noqa: E402
from strict import STRICT  # noqa: E402

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
NO_LOG_FLUSH = (2).to_bytes(4, "little")
SIZE = {"ext4": 32 << 20, "xfs": 320 << 20}
CUTS = int(os.environ.get("POWER_CUTS") or
           (200 if STRICT else 8))
CALLS = ("write", "fsync", "renameat", "unlinkat", "openat")
RNG = random.Random(int(os.environ.get("SEED", "9")))


class Disk:
    def __init__(self, folder, kind):
        self.image = f"{folder}/{kind}.img"
        self.path = f"{folder}/{kind}"
        self.mounted = False
        with open(self.image, "wb") as f:
            f.truncate(SIZE[kind])
        os.mkdir(self.path)
        options = ["-q", "-F"] if kind == "ext4" else ["-q", "-f"]
        subprocess.run([f"mkfs.{kind}", *options, self.image], check=True)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.path],
                       check=True)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.path], check=True)
        self.mounted = False

    def cut_power(self):
        """Everything unflushed is gone; mounted again."""
        fd = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(fd, SHUTDOWN, NO_LOG_FLUSH)
        os.close(fd)
        self.unmount()
        self.mount()


def points_of(folder, spool):
    """What every publishing process calls."""
    found = []
    for _ in range(2):
        spool.publish(traced.words(CALLS, f"{folder}/trace"))
        found.append(traced.points_in(f"{folder}/trace"))
    return sorted(found[0] & found[1])


def cuts(folder, kind, name, wrap=()):
    """Publish, cut, publish ...: the promised batches that are missing, and
    how many there were, and how often a process was killed. A spool that
    cannot be used any more counts too."""
    disk = Disk(folder, f"{kind}")
    missing, count, killed = [], 0, 0
    try:
        disk.mount()
        spool = spools.Spool(f"{disk.path}/{name}", f"{folder}/key")
        spool.torn_allowed = bool(wrap)
        points = [] if wrap else points_of(folder, spool)
        for cut in range(1, (8 if wrap else CUTS) + 1):
            for _ in range(cut % 3 + 1):
                spool.publish(wrap)
            if cut % 2 == 0:
                spool.send_oldest(wrap)
            elif not wrap:
                call, index = RNG.choice(points)
                killed += spool.publish(spools.inject(
                    call, "signal=SIGKILL", index)) in (-9, 137)
            disk.cut_power()
            missing += spool.missing()
            count = len(spool.ledger)
            known = {id(entry) for entry in missing}
            spool.ledger = [e for e in spool.ledger if id(e) not in known]
        evictions = limited(spool, disk, wrap)
    finally:
        disk.unmount()
        os.unlink(disk.image)
        os.rmdir(disk.path)
    return missing, count + len(missing), evictions, killed


def limited(spool, disk, wrap):
    """Three batches given up, then the cut: how many the next head tells."""
    for _ in range(5):
        spool.publish(wrap)
    spool.limit = 1
    spool.records = 1
    before = len(spool.list())
    spool.publish(wrap)
    disk.cut_power()
    spool.limit = spools.PLENTY
    told = spool.told()
    spool.publish(wrap)
    return before, spool.told() - told


def survives(tap, folder, kind):
    missing, count, (gone, told), killed = cuts(folder, kind, "flushed")
    tap.check(not missing and count >= 2 * CUTS,
              f"{kind}, {CUTS} power cuts: each of {count} promised batches "
              "is there", *[f"{e.spool} {e.number}" for e in missing])
    tap.check(killed == CUTS // 2, f"{kind}: {killed} of {CUTS // 2} times a "
              "publishing process was killed before")
    tap.check(gone == told and gone >= 5,
              f"{kind}: {gone} batches given up before a cut, {told} told by "
              "the next head")


def fails_without_flush(tap, folder):
    missing, count, *_ = cuts(folder, "ext4", "stubbed",
                             spools.inject("fsync", "retval=0", "1+"))
    tap.check(len(missing) > 8,
              f"without fsync {len(missing)} of {count} promised batches are "
              "missing: the test can fail")


def usable(folder):
    """Why not here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        disk = Disk(folder, "ext4")
        disk.mount()
        disk.unmount()
        os.unlink(disk.image)
        os.rmdir(disk.path)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no loop mounts: {error}"
    return None


def main():
    spools.own_mounts()
    tap, folder = spools.start()
    try:
        reason = usable(folder)
        if reason:
            tap.skip("promised batches survive a power cut", reason)
            return tap.done()
        survives(tap, folder, "ext4")
        if shutil.which("mkfs.xfs"):
            survives(tap, folder, "xfs")
        else:
            tap.skip("xfs", "mkfs.xfs is not installed")
        fails_without_flush(tap, folder)
    finally:
        shutil.rmtree(folder)
    return tap.done()


sys.exit(main())
