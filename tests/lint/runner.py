#!/usr/bin/env python3
"""The runner of the tests sees every way in which a test can go wrong."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

# name, script, what the runner must say of it, does the run fail
CASES = [
    ("passes", "echo ok 1 - a; echo 1..1", "1 passed, 0 failed, 0 skipped", 0),
    ("skips_with_a_reason", "echo 'ok 1 - a # SKIP no disk'; echo 1..1",
     "skipped  lint/x.sh: a: no disk", 0),
    ("skips_all", "echo '1..0 # SKIP no root'",
     "skipped  lint/x.sh: all of it: no root", 0),
    ("says_not_ok", "echo not ok 1 - a; echo 1..1; exit 1",
     "FAILED   lint/x.sh: a", 1),
    ("says_not_ok_and_exits_0", "echo not ok 1 - a; echo 1..1",
     "exits with 0 only if it passes", 1),
    ("exits_with_1_unsaid", "echo ok 1 - a; echo 1..1; exit 1",
     "exits with 0 only if it passes", 1),
    ("says_nothing", "exit 0", "says at least one result", 1),
    ("has_no_plan", "echo ok 1 - a", "prints a plan", 1),
    ("stops_before_its_plan", "echo 1..2; echo ok 1 - a",
     "gives 2 results as planned, not 1", 1),
    ("crashes", "echo 1..1; echo ok 1 - a; kill -SEGV $$", "SIGSEGV", 1),
    ("takes_too_long", "# time limit: 1 s\necho ok 1 - a; echo 1..1\n"
     "sleep 60 & wait", "ends within 1 s", 1),
    ("leaves_a_process", "echo ok 1 - a; echo 1..1\nsleep 61 &",
     "leaves no process behind", 1),
]


def run(folder, script, rung="lint", **environment):
    with open(f"{folder}/tests/{rung}/x.sh", "w") as file:
        file.write("#!/bin/sh\n" + script + "\n")
    os.chmod(f"{folder}/tests/{rung}/x.sh", 0o755)
    done = subprocess.run(
        [sys.executable, "tests/runner.py", rung], cwd=folder, text=True,
        env={**os.environ, "TESTS": "", "STRICT": "", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def cases(folder):
    for name, script, expected, status in CASES:
        got, said = run(folder, script)
        yield (f"a test that {name.replace('_', ' ')} is seen as that",
               got == status and expected in said, said)
    got, said = run(folder, CASES[1][1], STRICT="1")
    yield "STRICT=1 makes a skip a failure", got == 1, said
    got, said = run(folder, CASES[0][1], TESTS="lint/y")
    yield "a pattern that matches nothing is an error", got != 0, said
    got, said = run(folder, 'echo 1..1; echo "ok 1 - a"; touch "$TMPDIR/left"\n'
                    'echo "# $TMPDIR"; echo "not ok 2"; exit 1')
    own = re.search(r"# (/\S+)", said)
    yield ("a test's TMPDIR is its own and removed",
           own and not os.path.exists(own.group(1)), said)
    yield from repeats(folder)
    yield comes_first(folder)
    with open(f"{folder}/Makefile", "w") as file:
        file.write("all:\n\tfalse\n")
    got, said = run(folder, CASES[0][1])
    yield "a build that fails makes the run fail", got == 1, said


def repeats(folder):
    once = ("echo 1..1; if mkdir tests/seen; then echo not ok 1 - a; exit 1; fi\n"
            "rmdir tests/seen; echo ok 1 - a")
    expected = "repeated lab/x.sh: a\n1 passed, 0 failed, 0 skipped"
    got, said = run(folder, once, "lab")
    yield ("a lab test that fails once is repeated, and that is told",
           got == 0 and expected in said, said)
    got, said = run(folder, once, "lab", STRICT="1")
    yield ("STRICT=1 makes that a failure", got == 1 and expected in said, said)
    got, said = run(folder, CASES[3][1], "lab")
    yield ("a lab test that fails twice fails the run",
           got == 1 and "FAILED   lab/x.sh: a" in said, said)
    got, said = run(folder, once)
    os.rmdir(f"{folder}/tests/seen")
    yield ("nothing that needs no real clock is repeated",
           got == 1 and "repeated" not in said, said)


def comes_first(folder):
    """What it should be is asked of this user's own powers."""
    try:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
            os.setpriority(os.PRIO_PROCESS, other.pid, -20)
            wanted = os.getpriority(os.PRIO_PROCESS, other.pid)
            other.stdin.close()
    except PermissionError:
        wanted = os.getpriority(os.PRIO_PROCESS, 0)
    _, said = run(folder, "sleep 1; echo \"# niceness $(nice)\"\n"
                  "echo not ok 1 - a; echo 1..1; exit 1", "lab")
    return ("a lab test comes before what else a machine does",
            f"# niceness {wanted}\n" in said, said)


def main():
    failed = count = 0
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/tests/lint")
        os.makedirs(f"{folder}/tests/lab")
        shutil.copy("tests/runner.py", f"{folder}/tests/runner.py")
        shutil.copytree("tests/lib", f"{folder}/tests/lib")
        with open(f"{folder}/Makefile", "w") as file:
            file.write("all:\n")
        for sentence, good, said in cases(folder):
            count += 1
            if not good:
                failed += 1
                print("".join(f"# {line}\n" for line in said.splitlines()))
            print(f"{'ok' if good else 'not ok'} {count} - {sentence}")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
