#!/usr/bin/env python3
# Proves that a database that may not be written, be it for its mode, folder, attribute or disk, is read by every command that only reads and refused by the others with exit 3 and one line, as is whatever would make a file beside it.
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

# Root without its privileges is an owner like any other.
PLAIN = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
REPORT = os.path.join(uploads.BUILD, "acreport")
NOW_US = 1_790_000_000 * 10**6


def fill(collector):
    key = uploads.Key(collector.folder, "lon1")
    collector.add_vp("lon1", key)
    path = os.path.join(collector.folder, "batch")
    with open(path, "wb") as file:
        file.write(uploads.Batch(key, "lon1", "0e" * 16, 1,
                                 [uploads.record(NOW_US)], NOW_US).file)
    collector.run("import", path)


def copy_to(path, collector):
    """With an hour that is not settled."""
    with sqlite3.connect(collector.db) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = WAL")
        copy.execute("INSERT INTO unsettled(hour, vp) SELECT t0 / 3600000000,"
                     " vp FROM batch")
    source.close()
    copy.close()


def call(program, *words):
    before = PLAIN if os.geteuid() == 0 else []
    return subprocess.run([*before, program, *words], capture_output=True,
                          text=True, check=False)


@contextlib.contextmanager
def modes(folder, db, mode):
    os.chmod(db, mode)
    os.chmod(folder, 0o555)
    yield
    os.chmod(folder, 0o755)


def change_attribute(sign, path):
    return shutil.which("chattr") and subprocess.run(
        ["chattr", sign + "i", path], capture_output=True,
        check=False).returncode == 0


@contextlib.contextmanager
def immutable(folder, db):
    with modes(folder, db, 0o644):
        if not change_attribute("+", db):
            yield "needs chattr +i"
            return
        try:
            yield
        finally:
            change_attribute("-", db)


@contextlib.contextmanager
def disk(folder, db):
    """The folder's content on a file system that is mounted read-only."""
    with open(db, "rb") as file:
        whole = file.read()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "none",
             folder], capture_output=True, check=False).returncode != 0:
        yield "needs root that may mount"
        return
    try:
        with open(db, "wb") as file:
            file.write(whole)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


# What keeps a user from writing, and the reason that is printed.
WAYS = (
    ("that nobody may write", lambda *at: modes(*at, 0o444), "{}: Permission"),
    ("in a folder where nothing can be made", lambda *at: modes(*at, 0o644),
     "{}.lock: Permission"),
    ("that is immutable", immutable, "{}: Operation not permitted"),
    ("on a read-only disk", disk, "{}: Read-only file system"),
)


def reads(tap, collector, db):
    faults = []
    for words, said in ((["status"], "measurements       1\n"),
                        (["vp", "list"], "lon1"), (["vp", "status"], "lon1"),
                        (["check"], "ok: the file is whole"),
                        (["check"], "passed over: 1 vantage points with 1 "),
                        (["note", "list"], "time"),
                        (["sites", "lists"], "name,since"),
                        (["export", "--format", "ripe-atlas"], '"abuf"')):
        done = call(collector.program, *words, "--db", db)
        if done.returncode != 0 or said not in done.stdout or done.stderr:
            faults.append(done)
    tap.check(not faults, "every command that only reads reads it", *faults)
    done = call(REPORT, "vps", "--db", db)
    tap.check(done.returncode == 0 and "lon1" in done.stdout,
              "and so does acreport", done)


def refusals(tap, collector, db, said):
    """One line, and the code of what may not be opened."""
    faults = []
    for words in (["vp", "add", "x"], ["note", "add", "x"],
                  ["import", os.path.join(collector.folder, "batch")],
                  ["prune", "--raw", "1"], ["upgrade"], ["check", "--hash"]):
        done = call(collector.program, *words, "--db", db)
        if done.returncode != 3 or done.stdout or not done.stderr.startswith(
                f"accollect: {said.format(db)}") or \
                done.stderr.count("\n") != 1:
            faults.append(done)
    tap.check(not faults, "every command that writes is refused, exit 3",
              *faults)


def makes(tap, collector, folder):
    """What makes files says the same as what opens them."""
    new, faults = os.path.join(folder, "new"), []
    archive = os.path.join(collector.folder, "archive")
    own = [os.path.join(collector.folder, name) for name in ("own", "list")]
    with open(own[1], "w", encoding="ascii") as file:
        file.write("identity,site\nams1,NL-AMS\n")
    for words in (["init", "--db", new],
                  ["init", "--db", own[0], "--archive", new],
                  ["backup", new, "--db", collector.db],
                  ["rebuild", "--archive", archive, "--db", new],
                  ["export", "--to", new, "--archive", archive, "--db",
                   collector.db],
                  ["export", "--to", folder, "--archive", archive, "--db",
                   collector.db],
                  ["sites", "import", "--format", "csv", "--service", "x",
                   "--output", new, own[1]]):
        done = call(collector.program, *words)
        if done.returncode != 3 or done.stderr.count("\n") != 1:
            faults.append(done)
    done = call(REPORT, "vps", "--db", collector.db, "-o", new)
    if done.returncode != 3 or done.stderr.count("\n") != 1:
        faults.append(done)
    for end in ("", "-wal", "-shm", ".lock"):
        if os.path.exists(own[0] + end):
            os.unlink(own[0] + end)
    tap.check(not faults, "what would make a file in its folder ends with "
              "exit 3 and a line", *faults)


def run(tap, collector):
    fill(collector)
    for i, (what, way, said) in enumerate(WAYS):
        folder = os.path.join(collector.folder, f"copy {i} # 100%")
        db = os.path.join(folder, "c.db")
        os.mkdir(folder)
        copy_to(db, collector)
        with way(folder, db) as missing:
            if missing:
                tap.skip(f"a database {what} is read", missing)
                continue
            tap.note(f"a database {what}")
            reads(tap, collector, db)
            refusals(tap, collector, db, said)
            makes(tap, collector, folder)
            tap.check(os.listdir(folder) == ["c.db"],
                      "nothing is made beside it", os.listdir(folder))


def main():
    tap = uploads.Tap()
    if os.geteuid() == 0 and (
            shutil.which("setpriv") is None or
            subprocess.run([*PLAIN, "true"], check=False).returncode):
        tap.skip("a read-only copy is read", "needs setpriv as root")
        return tap.done()
    collector = uploads.Collector()
    try:
        run(tap, collector.make())
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
