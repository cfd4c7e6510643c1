#!/usr/bin/env python3
# Proves that a full disk, a failing flush, short writes and planted files cost the spool nothing that is not counted.
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import spools  # noqa: E402


def failing_flush(tap, folder):
    """EIO at each fsync in turn: no promise, and the next try works."""
    spool = spools.Spool(f"{folder}/eio", f"{folder}/key")
    spool.publish()
    failed = 0
    for index in range(1, 30):
        before = len(spool.ledger)
        status = spool.publish(spools.inject("fsync", "error=EIO", index,
                                             f"{folder}/trace"))
        with open(f"{folder}/trace", encoding="utf-8") as trace:
            if "INJECTED" not in trace.read():
                break
        failed += 1
        if status != 4 or len(spool.ledger) != before:
            tap.check(False, f"EIO at fsync {index} is exit 4 and no promise",
                      status, spool.said)
            return
        if spool.publish() != 0:
            tap.check(False, "the next batch goes", spool.said)
            return
    tap.check(failed >= 2 and not spool.missing() and not spool.strangers(),
              f"{failed} failing flushes: no promise for those, nothing else "
              "is lost", spool.missing(), spool.strangers())


def other_errors(tap, folder):
    """Each call of publishing fails once; the ledger holds."""
    spool = spools.Spool(f"{folder}/errors", f"{folder}/key")
    spool.publish()  # what a new spool writes comes before its batch
    failed = 0
    for calls, error in (("write", "EIO"), ("renameat", "EIO"),
                         ("openat", "EMFILE"), ("flock", "ENOLCK"),
                         ("getdents64", "EIO"), ("fchmod", "EPERM")):
        for index in range(1, 40):
            status = spool.publish(
                spools.inject(calls, f"error={error}", index))
            failed += status != 0
            if status == 0 and index > 30:
                break
    tap.check(failed > 10 and not spool.missing() and not spool.strangers(),
              f"{failed} failed calls: each of {len(spool.ledger)} promised "
              "batches is there", spool.missing(), spool.strangers())


def short_writes(tap, folder):
    spool = spools.Spool(f"{folder}/short", f"{folder}/key")
    for what in ("error=EINTR", ):
        for calls in ("write", "pwrite64"):
            for index in range(1, 5):
                spool.publish(spools.inject(calls, what, index))
    tap.check(len(spool.ledger) == 8 and not spool.missing(),
              "interrupted writes go on", spool.said)


def full_disk(tap, folder):
    """A tmpfs that holds about ten batches: the oldest go, and are counted."""
    path = f"{folder}/tmpfs"
    os.mkdir(path)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k,mode=700",
                        "tmpfs", path], check=True,
                       stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        os.rmdir(path)
        tap.skip("a full disk evicts and counts", "no tmpfs here")
        return
    try:
        spool = spools.Spool(f"{path}/spool", f"{folder}/key", records=10)
        statuses, said = [], []
        for _ in range(30):
            statuses.append(spool.publish())
            said += spool.said.splitlines()
        waiting = [e.number for e in spool.list()]
        last_told = spool.told()
        tap.check(statuses == [0] * 30,
                  "on a full disk the newest batch still goes", statuses,
                  spool.said)
        tap.check(said and all("given up: No space left" in line
                               for line in said),
                  "and each line says that it is the disk", said)
        spool.records = 0
        spool.publish()
        tap.check(30 - len(waiting) == spool.told() and last_told > 5,
                  f"{30 - len(waiting)} batches were given up for it, and "
                  f"{spool.told()} are told by heads")
        before = len(spool.list())
        spool.records = 400
        tap.check(spool.publish() == 4 and "No space left" in spool.said
                  and len(spool.said.splitlines()) == 1
                  and len(spool.list()) == before,
                  "for a batch that could never fit nothing is given up: "
                  "exit 4, one line", spool.said)
        spool.records = 1
        tap.check(spool.publish() == 0 and not spool.strangers(),
                  "with space it goes on by itself", spool.said)
    finally:
        subprocess.run(["umount", path], check=True)
        os.rmdir(path)


def limits(tap, folder):
    """Which limit it is that the oldest are given up for."""
    spool = spools.Spool(f"{folder}/limits", f"{folder}/key", records=10)
    for _ in range(3):
        spool.publish()
    os.utime(f"{spool.path}/{1:020}.acb", (1, 1))
    spool.publish()
    tap.check(spool.said.endswith("1 oldest batch given up: spool_age is "
                                  "reached\n"),
              "what is too old goes because of spool_age", spool.said)
    spool.limit = 5000
    spool.publish()
    tap.check(spool.said.endswith(" given up: spool_bytes is reached\n"),
              "what is too much goes because of spool_bytes", spool.said,
              os.stat(f"{spool.path}/{5:020}.acb").st_size)


def planted(tap, folder):
    """What somebody else put there is named, parked and no obstacle."""
    spool = spools.Spool(f"{folder}/planted", f"{folder}/key")
    for _ in range(2):
        spool.publish()
    first = f"{spool.path}/{1:020}.acb"
    for name, plant in (
            ("a symbolic link",
             lambda p: os.symlink("/etc/passwd", p)),
            ("a file of several names",
             lambda p: os.link(f"{folder}/key", p)),
            ("not a regular file", os.mkfifo),
            ("readable by others", lambda p: (open(p, "wb").close(),
                                              os.chmod(p, 0o644)))):
        if os.path.lexists(first):
            os.unlink(first)
        plant(first)
        status, _ = spool.run("list", spool.path, str(spool.limit))
        tap.check(status == 4 and name in spool.said
                  and not os.path.lexists(first),
                  f"a planted file ({name}) is parked", spool.said)
    tap.check(spool.publish() == 0 and len(spool.list()) == 2,
              "and the spool works on", spool.said)
    newest = f"{spool.path}/{9:020}.acb"
    os.symlink("/etc/passwd", newest)
    tap.check(spool.publish() == 0 and spool.ledger[-1].number == 1
              and spool.ledger[-1].spool != spool.ledger[0].spool,
              "where the newest file is planted a new spool id begins",
              spool.said)


def others(tap, folder):
    """A folder that others can use is no spool."""
    path = f"{folder}/open"
    spool = spools.Spool(path, f"{folder}/key")
    for mode, why in ((0o777, "writable by others"),
                      (0o755, "readable by others")):
        os.mkdir(path)
        os.chmod(path, mode)
        tap.check(spool.publish() == 4 and why in spool.said,
                  f"a spool of mode {mode:o} is refused", spool.said)
        os.rmdir(path)
    os.symlink(folder, path)
    tap.check(spool.publish() == 4, "a spool that is a symlink is refused",
              spool.said)
    os.unlink(path)


def skipped(tap, folder):
    spool = spools.Spool(f"{folder}/skip", f"{folder}/key")
    spool.publish()
    for _ in range(3):
        spool.run("skip", spool.path, str(spool.limit))
    spool.publish()
    spool.publish()
    tap.check([e.skipped for e in spool.ledger] == [0, 3, 0],
              "three rounds that found another running are told once",
              [e.skipped for e in spool.ledger])


FILE, SPOOL = "lib/file.c", "probe/spool.c"
# What is taken out, in which file; the part that must tell, and how.
MUTANTS = (
    ("a flush whose failure is not looked at", FILE,
     "file_write_all(fd, bytes, len) == -1 ||\n	    fsync(fd) == -1)",
     "file_write_all(fd, bytes, len) == -1 ||\n	    (fsync(fd), 0))",
     failing_flush, "is exit 4 and no promise"),
    ("a folder's flush whose failure is not looked at", FILE,
     "	return fsync(dirfd);", "	(void)fsync(dirfd);\n	return 0;",
     failing_flush, "is exit 4 and no promise"),
    ("a write whose failure is not looked at", FILE,
     "		if (n == -1)\n			return -1;\n		p += n;",
     "		if (n == -1)\n			return 0;\n		p += n;",
     other_errors, "is no batch"),
    ("an interrupted write that is given up", FILE,
     "if (n == -1 && errno == EINTR)\n			continue;\n"
     "		if (n == -1)\n			return -1;\n		p += n;",
     "if (n == -1)\n			return -1;\n		p += n;",
     short_writes, "interrupted writes go on"),
    ("a full disk for which nothing is given up", SPOOL,
     "if ((saved != ENOSPC && saved != EDQUOT) ||", "if (1 ||", full_disk,
     "the newest batch still goes"),
    ("a batch given up that nobody counts", SPOOL,
     "	spool->state.lost += e->count;\n", "", full_disk,
     "are told by heads"),
    ("a spool given up for what can never fit", SPOOL,
     "i < entries.count && can_fit(spool, &entries, len);",
     "i < entries.count && (can_fit, 1);", full_disk,
     "for a batch that could never fit"),
    ("a file of several names that is taken", FILE, "st->st_nlink != 1)", "0)",
     planted, "several names"),
    ("a folder that others may write to", FILE,
     "if (st->st_mode & (S_IWGRP | S_IWOTH))", "if (0)", others,
     "of mode 777 is refused"),
    ("rounds that are skipped and forgotten", SPOOL,
     "	spool->state.skipped++;\n", "", skipped, "are told once"),
)


def main():
    spools.own_mounts()
    tap, folder = spools.start()
    try:
        if shutil.which("strace"):
            failing_flush(tap, folder)
            other_errors(tap, folder)
            short_writes(tap, folder)
        else:
            tap.skip("failing calls", "strace is not installed")
        full_disk(tap, folder)
        limits(tap, folder)
        planted(tap, folder)
        others(tap, folder)
        skipped(tap, folder)
        for what, source, old, new, part, words in MUTANTS:
            if part in (failing_flush, other_errors, short_writes) and \
                    not shutil.which("strace"):
                tap.skip(f"{what} is noticed", "strace is not installed")
            else:
                spools.noticed(tap, what, [(source, old, new)], words, part)
    finally:
        shutil.rmtree(folder)
    return tap.done()


sys.exit(main())
