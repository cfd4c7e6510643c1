#!/usr/bin/env python3
# Proves that a collector to which the system refuses descriptors, memory or threads, at each call in turn, receipts nothing that it has not stored, and goes on or ends with one line.
"""For each call and each index: accollect runs under strace, which makes the
call fail for the index-th time; a client uploads and comes back with what has
no receipt. In the end the ledger of receipts is held against the rows. Then a
life with so few descriptors that connections use them up. And the same with a
collector that takes a failed transaction for a good one must fail.
"""
import os
import shutil
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "lib"),
                os.path.dirname(__file__)]
import listen_kill  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402

FAULTS = (("accept4", "EMFILE"), ("openat", "EMFILE"), ("openat", "ENFILE"),
          ("mmap", "ENOMEM"), ("clone3", "EAGAIN"), ("fcntl", "ENOLCK"),
          ("socket", "EMFILE"), ("eventfd2", "EMFILE"),
          ("ftruncate", "ENOSPC"),
          ("pwrite64", "EDQUOT"))
STEPS = {"mmap": 9, "openat": 3, "fcntl": 5}
FIRST = {"mmap": 90}  # before, the loader maps libraries
UPLOADS = 2
TRIES = 4


class Client(listen_kill.Client):
    """As there; but refusals of the moment are no fault."""

    def upload(self):
        batch = self.next_batch()
        try:
            status, body = self.collector.upload(batch, timeout=10)
        except OSError:
            return False
        if status in (200, 201):
            if batch.sha256.encode() not in body:
                raise AssertionError(f"receipt {body!r}")
            self.twice += status == 200
            self.ledger[batch.number] = batch.sha256
            self.waiting = None
            return True
        if status is not None and status not in (500, 503, 507):
            raise AssertionError(f"batch {batch.number}: {status} {body!r}")
        return False


def life(collector, client, call, error, index):
    """(it listened, failed uploads, what is wrong, the call was there)"""
    before = len(collector.log()) if os.path.exists(collector.log_path) else 0
    hit = os.path.join(collector.folder, "trace")
    strace = ["strace", "-f", "-qq", "-o", hit, "-e", f"trace={call}", "-e",
              f"inject={call}:error={error}:when={index}"]
    if not collector.start(*strace, wait_s=30):
        code = collector.process.wait(30)
        collector.process = None
        said = collector.log()[before:]
        wrong = "" if code in (2, 3, 4) and said.startswith(b"accollect: ") \
            else f"{call} {index}: exit {code}: {said[-300:]!r}"
        return False, 0, wrong, injected(hit)
    failed, wanted = 0, len(client.ledger) + UPLOADS
    while len(client.ledger) < wanted and failed < TRIES:
        failed += not client.upload()
    alive = collector.process.poll() is None
    listen_kill.kill_traced(collector) if alive else None
    collector.process = None
    wrong = "" if alive and len(client.ledger) == wanted else \
        f"{call} {error} {index}: " \
        f"{'does not go on' if alive else 'has died'}: " \
        f"{collector.log()[before:][-300:]!r}"
    return True, failed, wrong, injected(hit)


def injected(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return "(INJECTED)" in file.read()


def each_call(tap, collector, client):
    wrong, lives, refused, failures = [], 0, 0, 0
    for call, error in FAULTS:
        index, hit = FIRST.get(call, 1), True
        while hit and index < 250:
            listened, failed, fault, hit = life(collector, client, call,
                                                error, index)
            lives += hit
            refused += not listened
            failures += failed
            wrong += [fault] if fault else []
            index += STEPS.get(call, 1)
    tap.check(not wrong and lives > 30,
              f"{lives} lives with a call that fails: {refused} did not "
              f"start and said so, {failures} uploads came again", *wrong)


def few_descriptors(tap, collector, client):
    """Idle connections until no more come; then they leave."""
    with open(collector.conf, "a", encoding="ascii") as file:
        file.write("connections = 1000\nconnections_per_address = 1000\n")
    started = collector.start("prlimit", "--nofile=120:120")
    if not started:
        code = collector.process.wait(30)
        collector.process = None
        tap.check(code == 3 or code == 4, "so few descriptors are refused",
                  collector.log()[-300:])
        return
    held = []
    try:
        for _ in range(150):
            held.append(collector.connect(timeout=1))
    except OSError:
        pass
    client.upload()
    for s in held:
        s.close()
    before = len(client.ledger)
    end = time.monotonic() + 30
    while len(client.ledger) <= before and time.monotonic() < end:
        client.upload()
    tap.check(len(client.ledger) > before and collector.stop() == 0,
              f"{len(held)} idle connections use the descriptors up; "
              "when they are gone it goes on", collector.log()[-300:])


def noticed(tap, program):
    """A collector that takes a failed commit for a good one."""
    collector = uploads.Collector(program).make()
    try:
        key = uploads.Key(collector.folder, "lon1")
        collector.add_vp("lon1", key)
        client = Client(collector, key)
        for index in range(1, 40):
            life(collector, client, "pwrite64", "EDQUOT", index)
        inner = uploads.Tap()
        with open(os.devnull, "w", encoding="ascii") as nothing:
            said, sys.stdout = sys.stdout, nothing
            try:
                listen_kill.check_ledger(inner, collector, client)
            finally:
                sys.stdout = said
        tap.check(inner.failed > 0, "one that takes a failed transaction for "
                  "a good one is noticed", len(client.ledger))
    finally:
        collector.remove()


def main():
    tap = uploads.Tap()
    if shutil.which("strace") is None:
        tap.skip("no receipt is lost", "strace is missing")
        return tap.done()
    folder = tempfile.mkdtemp(prefix=f"scarce-{os.getpid()}-")
    collector = uploads.Collector()
    try:
        collector.make()
        key = uploads.Key(collector.folder, "lon1")
        collector.add_vp("lon1", key)
        client = Client(collector, key)
        each_call(tap, collector, client)
        few_descriptors(tap, collector, client)
        listen_kill.check_ledger(tap, collector, client)
        noticed(tap, mutant.build(folder, "accollect", [
            ("collector/store.c",
             "		result = store_run(s, STATEMENT_COMMIT);\n"
             "	if (result != STORE_OK) {",
             "		result = store_run(s, STATEMENT_COMMIT);\n"
             "	if (result != STORE_OK) { store_rollback(s);"
             " return STORE_OK;")]))
        return tap.done()
    finally:
        collector.remove()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
