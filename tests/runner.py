"""Build what the tests need, run them, read their TAP, and sum up.

usage: tests/run [RUNG...]      default: every rung, in the order of RUNGS
  TESTS=pattern   only tests whose RUNG/NAME contains it (or matches the glob)
  STRICT=1        a skip is a failure, and so is what passes only when repeated
  B=DIR           the build directory (default: build)
"""

import contextlib
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
import endings  # noqa: E402
from strict import STRICT  # noqa: E402

BUILD = os.environ.get("B") or "build"
RUNGS = ("lint", "unit", "golden", "sim", "lab", "fault", "fuzz")
EXTRA_RUNGS = ("bench",)
# Real clocks, real packets: a machine that stops for a moment fails a test there
# that nothing is wrong with. Such a file runs once more, and the summary tells.
REPEATED_RUNGS = ("lab", "fault")
REPEATS = 4  # in all: with more than these failing something is broken
LIMIT_S = {"unit": 180}
DEFAULT_LIMIT_S = 600  # against what hangs; a busy machine takes its time
TERM_GRACE_S = 20  # for a test's own trap: the lab is taken down there
LEFTOVER_GRACE_S = 2

RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)")
SKIP = re.compile(r"#\s*SKIP\S*\s*(.*)", re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$", re.IGNORECASE)
OWN_LIMIT = re.compile(rb"^# time limit: (\d+) s", re.MULTILINE)


class Outcome:
    """What one test file came to."""

    def __init__(self):
        self.passed = 0
        self.failed = []  # sentences
        self.skipped = []  # (sentence, reason)
        self.planned = None
        self.lines = []  # everything it printed, stderr included
        self.seconds = 0.0

    def read(self, line):
        plan = PLAN.match(line)
        if plan:
            self.planned = (self.planned or 0) + int(plan.group(1))
            if plan.group(2) is not None and int(plan.group(1)) == 0:
                self.skipped.append(("all of it", plan.group(2)))
                self.planned += 1
            return
        result = RESULT.match(line)
        if not result:
            return
        said = result.group(3)
        skip = SKIP.search(said)
        if result.group(1):
            self.failed.append(said)
        elif skip:
            sentence = said[: skip.start()].strip()
            self.skipped.append((sentence, skip.group(1)))
        else:
            self.passed += 1

    def count(self):
        return self.passed + len(self.failed) + len(self.skipped)

    def judge(self, status, limit_s, timed_out, left_behind):
        """Add the failures that the test did not name itself."""
        if timed_out:
            self.failed.append(f"ends within {limit_s} s")
        elif status < 0:
            name = signal.Signals(-status).name
            self.failed.append(f"ends by itself (it died of {name})")
        elif not self.count():
            self.failed.append("says at least one result")
        elif self.planned is None:
            self.failed.append("prints a plan")
        elif self.planned != self.count():
            self.failed.append(
                f"gives {self.planned} results as planned, not {self.count()}")
        elif (status == 0) != (not self.failed):
            self.failed.append(
                f"exits with 0 only if it passes (it exited with {status})")
        if left_behind:
            self.failed.append("leaves no process behind")


def group_alive(group):
    """Is a process of the group left that is no zombie?"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                return True
    return False


def wait_for_group(group, seconds):
    """True once nothing of the group is left."""
    end = time.monotonic() + seconds
    while group_alive(group):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def end_group(group, grace_s):
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        if wait_for_group(group, grace_s):
            return


def collect(stream, lines):
    for raw in iter(stream.readline, b""):
        lines.append(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
    stream.close()


def test_environment(folder):
    environment = dict(os.environ)
    environment.update(
        TMPDIR=folder, LC_ALL="C", CMOCKA_MESSAGE_OUTPUT="TAP",
        PYTHONDONTWRITEBYTECODE="1", B=BUILD)
    # Of the make above us only the variables are wanted, and make has put
    # those into the environment too.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        environment.pop(name, None)
    return environment


def time_limit(rung, path):
    with open(path, "rb") as file:
        own = OWN_LIMIT.search(file.read(2000))
    return int(own.group(1)) if own else LIMIT_S.get(rung, DEFAULT_LIMIT_S)


def put_first(pid):
    """What a new session runs comes before whatever else is busy here, so far
    as this user may say so: by the niceness of its processes, and by that of
    the session where the kernel shares processors out by sessions."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, -20)
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
            file.write("-20")


def run_test(rung, path):
    outcome = Outcome()
    printed = []
    limit_s = time_limit(rung, path)
    folder = tempfile.mkdtemp(prefix="ac-test-")
    os.chmod(folder, 0o755)  # tests become other users in it
    start = time.monotonic()
    process = subprocess.Popen(
        [path], env=test_environment(folder), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    if rung in REPEATED_RUNGS:
        put_first(process.pid)
    said = []
    readers = [
        threading.Thread(target=collect, args=(process.stdout, Tee(said, printed))),
        threading.Thread(target=collect, args=(process.stderr, printed)),
    ]
    for reader in readers:
        reader.daemon = True
        reader.start()
    timed_out = left_behind = False
    try:
        process.wait(timeout=limit_s)
        left_behind = not wait_for_group(process.pid, LEFTOVER_GRACE_S)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        if timed_out or left_behind or process.poll() is None:
            end_group(process.pid, TERM_GRACE_S)
            process.wait()
    for reader in readers:
        reader.join(5)
    outcome.seconds = time.monotonic() - start
    for line in said:
        outcome.read(line)
    outcome.lines = printed
    outcome.judge(process.returncode, limit_s, timed_out, left_behind)
    remove(folder, outcome)
    return outcome


class Tee:
    """Appends to two lists."""

    def __init__(self, *lists):
        self.lists = lists

    def append(self, line):
        for each in self.lists:
            each.append(line)


def remove(folder, outcome):
    try:
        shutil.rmtree(folder)
    except OSError as error:
        outcome.failed.append(f"leaves a TMPDIR that can be removed ({error})")


def tests_of(rung):
    """Sorted (name, path, make target or None) of a rung."""
    found = []
    if rung == "unit":
        for source in os.listdir("tests/unit"):
            if source.startswith("test_") and source.endswith(".c"):
                target = f"{BUILD}/tests/unit/{source[:-2]}"
                found.append((source[:-2], os.path.abspath(target), target))
    folder = f"tests/{rung}"
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        path = f"{folder}/{name}"
        if name.endswith((".sh", ".py")) and os.access(path, os.X_OK):
            found.append((name, os.path.abspath(path), None))
    return sorted(found)


def wanted(rung, name):
    pattern = os.environ.get("TESTS", "")
    full = f"{rung}/{name}"
    return pattern in full or fnmatch.fnmatchcase(full, pattern)


def make(*targets):
    """0 and the output of a make that goes on after an error."""
    jobs = f"-j{os.cpu_count() or 1}"
    done = subprocess.run(
        ["make", "--no-print-directory", "-k", jobs, *targets],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        env=test_environment(tempfile.gettempdir()))
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


class Summary:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.unsteady = []  # failed once, and passed when repeated

    def add(self, rung, name, outcome):
        self.passed += outcome.passed
        self.failed += [f"{rung}/{name}: {one}" for one in outcome.failed]
        self.skipped += [
            f"{rung}/{name}: {what}: {why or 'no reason given'}"
            for what, why in outcome.skipped]

    def fail(self, what):
        self.failed.append(what)

    def may_repeat(self, rung, outcome):
        return (outcome.failed and rung in REPEATED_RUNGS and
                len(self.unsteady) < REPEATS)

    def repeated(self, rung, name, first):
        self.unsteady += [f"{rung}/{name}: {one}" for one in first.failed[:1]]

    def show(self):
        for one in self.skipped:
            print(f"skipped  {one}")
        for one in self.unsteady:
            print(f"repeated {one}")
        for one in self.failed:
            print(f"FAILED   {one}")
        print(f"{self.passed} passed, {len(self.failed)} failed, "
              f"{len(self.skipped)} skipped", flush=True)

    def status(self):
        doubtful = self.skipped or self.unsteady
        return int(bool(self.failed or (STRICT and doubtful)))


def build_all(summary, chosen):
    """Build; the targets of unit tests that could not be built."""
    print("build  ", end="", flush=True)
    start = time.monotonic()
    targets = [target for _, _, _, target in chosen if target]
    status, output = make("all", *targets)
    print(f"{'ok' if status == 0 else 'FAILED':40} "
          f"{time.monotonic() - start:7.1f} s", flush=True)
    if status == 0:
        return set()
    print(output)
    summary.fail("build: make all and the unit tests")
    return {target for target in targets if make(target)[0] != 0}


def show_outcome(outcome):
    parts = [f"{outcome.passed} ok"]
    if outcome.skipped:
        parts.append(f"{len(outcome.skipped)} skipped")
    if outcome.failed:
        parts.append(f"{len(outcome.failed)} FAILED")
    print(f"{', '.join(parts):24} {outcome.seconds:7.1f} s", flush=True)
    if outcome.failed:
        for line in outcome.lines:
            print("    " + line)
        for one in outcome.failed:
            print(f"    FAILED: {one}", flush=True)


def choose(rungs, summary):
    chosen = []
    for rung in rungs:
        found = tests_of(rung)
        if not found:
            summary.fail(f"{rung}: there is no test in tests/{rung}")
        chosen += [(rung, name, path, target)
                   for name, path, target in found if wanted(rung, name)]
    return chosen


def main():
    rungs = sys.argv[1:] or list(RUNGS)
    for rung in rungs:
        if rung not in RUNGS + EXTRA_RUNGS:
            sys.exit(f"tests/run: no such rung: {rung}")
    endings.heed(KeyboardInterrupt)
    summary = Summary()
    chosen = choose(rungs, summary)
    if not chosen and os.environ.get("TESTS"):
        sys.exit(f"tests/run: no test matches {os.environ['TESTS']}")
    unbuilt = build_all(summary, chosen)
    try:
        for rung, name, path, target in chosen:
            print(f"{rung:6} {name:32} ", end="", flush=True)
            if target in unbuilt:
                print("could not be built", flush=True)
                summary.fail(f"{rung}/{name}: can be built")
                continue
            outcome = run_test(rung, path)
            show_outcome(outcome)
            if summary.may_repeat(rung, outcome):
                summary.repeated(rung, name, outcome)
                print(f"{rung:6} {name:32} ", end="", flush=True)
                outcome = run_test(rung, path)
                show_outcome(outcome)
            summary.add(rung, name, outcome)
    except KeyboardInterrupt:
        print("interrupted")
        summary.fail("the run was interrupted")
    summary.show()
    return summary.status()


if __name__ == "__main__":
    sys.exit(main())
