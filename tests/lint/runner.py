#!/usr/bin/env python3
# Proves that the runner of the tests sees every way in which a test can go wrong.

import contextlib
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
    yield from comes_first(folder)
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


def order_of(pid):
    """Its niceness, and that of its session ("" where the kernel has none)."""
    try:
        with open(f"/proc/{pid}/autogroup", encoding="ascii") as file:
            session = file.read().split()[-1]
    except OSError:
        session = ""
    return str(os.getpriority(os.PRIO_PROCESS, pid)), session


def may_be_first():
    """What a session of this user's comes to that is put first, by hand."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                          start_new_session=True) as other:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, other.pid, -20)
        with contextlib.suppress(OSError):
            with open(f"/proc/{other.pid}/autogroup", "w",
                      encoding="ascii") as file:
                file.write("-20")
        order = order_of(other.pid)
        other.stdin.close()
    return order


def comes_first(folder):
    """What it should be is asked of this user's own powers; the test waits
    for it as long as something may take."""
    wanted = may_be_first()
    _, said = run(folder, f"""
for n in $(seq 200); do
	session=$(awk '{{ print $NF }}' /proc/self/autogroup 2>/dev/null)
	[ "$(nice) $session" = "{wanted[0]} {wanted[1]}" ] && break
	sleep 0.05
done
echo "# niceness $(nice), of the session $session"
echo not ok 1 - a; echo 1..1; exit 1""", "lab")
    for what, value, words in (
            ("a lab test", wanted[0], f"# niceness {wanted[0]},"),
            ("its session", wanted[1], f", of the session {wanted[1]}\n")):
        sentence = f"{what} comes before what else a machine does"
        if value != "-20":
            yield f"{sentence} # SKIP this user may not say so", True, ""
        else:
            yield sentence, words in said, said


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
