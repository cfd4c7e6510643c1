#!/usr/bin/env python3
# Proves that a prober killed at any system call of publishing loses no batch that it has promised, and leaves no torn one.
"""strace kills the driver as it enters the call for the index-th time, for
every index until the driver is through. Then everything in the ledger is in
the spool, every file there is whole, and the numbers have no gap.
"""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import spools  # noqa: E402

CALLS = ("write", "fsync", "renameat", "unlinkat", "pwrite64", "openat",
         "fchmod", "flock", "mkdir", "close", "getdents64")
MOST = 120  # indexes of one call


def killed_at_every_index(spool, calls, before=None):
    """Publish with a kill at index 1, 2, 3 ...; how many kills."""
    for index in range(1, MOST):
        if before:
            before()
        status = spool.publish(spools.inject(calls, "signal=KILL", index))
        if status not in (0, -9, 137):
            raise AssertionError(f"{calls} {index}: {status}: {spool.said}")
        if status == 0:
            return index - 1
    raise AssertionError(f"{calls}: killed {MOST} times and not through")


def numbers(spool):
    return [entry.number for entry in spool.list()]


def plain(tap, folder, some=CALLS):
    """A growing spool."""
    spool = spools.Spool(f"{folder}/plain", f"{folder}/key")
    kills = {}
    for calls in some:
        kills[calls] = killed_at_every_index(spool, calls)
    tap.note("kills: " + ", ".join(f"{c} {n}" for c, n in kills.items()))
    missing = spool.missing()
    tap.check(not missing and len(spool.ledger) >= len(some),
              f"{sum(kills.values())} kills: each of "
              f"{len(spool.ledger)} promised batches is there",
              *[f"{e.spool} {e.number}" for e in missing])
    have = numbers(spool)
    tap.check(have == list(range(1, len(have) + 1)),
              "numbers have no gap and none stands twice", have)
    tap.check(len({e.spool for e in spool.list()}) == 1,
              "no kill began another spool id")
    tap.check(spool.strangers() == [], "nothing half written is left",
              spool.strangers())


def first_batch(tap, folder):
    """Killed while the folder itself is being made."""
    kills = 0
    for calls in ("mkdir", "fsync", "renameat", "write", "openat"):
        for index in range(1, MOST):
            path = f"{folder}/first"
            shutil.rmtree(path, ignore_errors=True)
            spool = spools.Spool(path, f"{folder}/key")
            status = spool.publish(
                spools.inject(calls, "signal=KILL", index))
            if status == 0:
                break
            kills += 1
            if spool.publish() != 0 or spool.missing():
                tap.check(False, f"after a kill at {calls} {index} of the "
                          "first batch a second one goes", spool.said)
                return
    tap.check(kills > 20, f"{kills} kills of the first batch: the spool "
              "can be used after each")


def evicting(tap, folder):
    """A spool at its limit: each publication gives up a batch."""
    spool = spools.Spool(f"{folder}/full", f"{folder}/key", limit=9000)
    kills = 0
    for calls in ("pwrite64", "unlinkat", "fsync", "renameat", "write",
                  "openat"):
        kills += killed_at_every_index(spool, calls)
    for _ in range(2):
        spool.publish()
    # Everything that was ever published has a number; those that are gone
    # were counted, each in one head. (Published but not promised is fine.)
    waiting = numbers(spool)
    gone = waiting[0] - 1
    evicted = evicted_count(spool)
    tap.check(evicted == gone and gone > 5,
              f"{kills} kills of a full spool: {gone} batches are gone and "
              f"{evicted} are counted")
    told = told_by_all(spool)
    tap.check(told <= evicted and told >= evicted - 2,
              f"heads told {told} of them: each once, the last ones next")


def newest_state(spool):
    """The fields of the newer copy."""
    with open(f"{spool.path}/state", "rb") as f:
        copies = f.read()
    fields = [copies[at:at + 400].decode().split() for at in (0, 4096)]
    return max((f for f in fields if f[:2] == ["acspool", "1"]),
               key=lambda f: int(f[2]))


def evicted_count(spool):
    return int(newest_state(spool)[3])


def told_by_all(spool):
    newest = newest_state(spool)
    place = int(newest[7])
    # A claim whose batch exists is told.
    files = sorted(int(n[:20]) for n in os.listdir(spool.path)
                   if spools.NAME.match(n))
    return int(newest[8]) if place and files[-1] >= place else int(newest[5])


def sending(tap, folder):
    """Killed while what was receipted is let go."""
    spool = spools.Spool(f"{folder}/sent", f"{folder}/key")
    kills = 0
    for calls in ("renameat", "unlinkat", "openat", "flock"):
        for index in range(1, MOST):
            while len(spool.list()) < 2:
                spool.publish()
            status = spool.send_oldest(
                spools.inject(calls, "signal=KILL", index))
            if status == 0:
                break
            kills += 1
    while spool.list():
        spool.send_oldest()
    missing = spool.missing()
    spool.publish()
    tap.check(not missing and kills > 10,
              f"{kills} kills while batches are let go: none that waits is "
              "lost")
    tap.check(numbers(spool) == [len(spool.ledger)],
              "the number goes on from the batch that was kept",
              numbers(spool), len(spool.ledger))


def renewing(tap, folder):
    """Killed while everything is signed again."""
    spool = spools.Spool(f"{folder}/renew", f"{folder}/key")
    for _ in range(5):
        spool.publish()
    kills = 0
    for calls in ("renameat", "fsync", "write", "openat"):
        for index in range(1, MOST):
            status, _ = spool.run(
                "renew", spool.path, spool.key, str(spool.limit),
                wrap=spools.inject(calls, "signal=KILL", index))
            if status == 0:
                break
            kills += 1
            if spool.missing():
                tap.check(False, f"renewal killed at {calls} {index} loses "
                          "nothing", spool.missing())
                return
    entries = spool.list()
    tap.check([e.number for e in entries] == [1, 2, 3, 4, 5]
              and len({e.spool for e in entries}) == 1 and kills > 20,
              f"{kills} kills while a spool is signed again: nothing is "
              "lost, and the last renewal is whole")
    spool.publish()
    tap.check(spool.ledger[-1].number == 6
              and spool.ledger[-1].spool == entries[0].spool,
              "the next batch goes on under the new spool id")


def planted(tap, folder):
    """The ledger sees a file that is gone and one that is torn."""
    spool = spools.Spool(f"{folder}/planted", f"{folder}/key")
    for _ in range(3):
        spool.publish()
    os.unlink(f"{spool.path}/{1:020}.acb")
    tap.check([e.number for e in spool.missing()] == [1],
              "a promised batch that is taken away is missed")
    path = f"{spool.path}/{2:020}.acb"
    os.truncate(path, os.path.getsize(path) - 1)
    status, _ = spool.run("list", spool.path, str(spool.limit))
    tap.check(status == 4 and os.listdir(f"{spool.path}/rejected"),
              "a torn batch is noticed, said and parked", spool.said)


PUBLISH, STATE = "lib/file.c", "probe/spool.c"


def mutants(tap):
    spools.noticed(
        tap, "a batch that is written where it will be read",
        [(PUBLISH, '".%s.%ld.tmp", name,\n\t\t(long)getpid()',
          '"%s", name')],
        "", lambda quiet, folder: plain(quiet, folder, ("write", "fsync")))
    spools.noticed(
        tap, "a batch given up before that is counted",
        [(STATE, """	if (spool_state_write(spool->dirfd, &spool->state) == -1)
		return -1;
	log_warnx("spool: %lld oldest""", """	log_warnx("spool: %lld oldest"""),
         (STATE, """	free(entries.items);
	return 0;
}

/* The waiting batches that must go""", """	free(entries.items);
	return spool_state_write(spool->dirfd, &spool->state);
}

/* The waiting batches that must go""")],
        "are counted", evicting)
    spools.noticed(
        tap, "a head that tells nobody what it told",
        [(STATE, "|| write_claim(spool) == -1)", "|| (write_claim, 0))")],
        "heads told", evicting)
    spools.noticed(
        tap, "the newest batch let go with its number",
        [("probe/spool_ship.c", """		status = keep_as_sent(spool, place);
	if (status == 0 && !newest) {""", """		status = 0;
	if (status == 0) {""")], "the number goes on", sending)
    spools.noticed(
        tap, "a spool of which each batch gets another new id",
        [("probe/spool_ship.c", "	status = batch_resign(",
          "	(void)spool_new_id(line->spool);\n"
          "	status = batch_resign(")], "the last renewal is whole",
        renewing)


def main():
    tap, folder = spools.start()
    try:
        if shutil.which("strace") is None:
            tap.skip("killed at every call", "strace is not installed")
        else:
            plain(tap, folder)
            first_batch(tap, folder)
            evicting(tap, folder)
            sending(tap, folder)
            renewing(tap, folder)
            mutants(tap)
        planted(tap, folder)
    finally:
        shutil.rmtree(folder)
    return tap.done()


sys.exit(main())
