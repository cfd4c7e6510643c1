#!/usr/bin/env python3
# Proves that a copy of a database in a folder where nothing can be made is read by every command that only reads, and refused by the others in one line.
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

# Root without its privileges is an owner like any other.
PLAIN = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
NOW_US = 1_790_000_000 * 10**6


def fill(collector):
    key = uploads.Key(collector.folder, "lon1")
    collector.add_vp("lon1", key)
    path = os.path.join(collector.folder, "batch")
    with open(path, "wb") as file:
        file.write(uploads.Batch(key, "lon1", "0e" * 16, 1,
                                 [uploads.record(NOW_US)], NOW_US).file)
    collector.run("import", path)
    return path


def run(tap, collector):
    batch = fill(collector)
    folder = os.path.join(collector.folder, "copy # 100%")
    db = os.path.join(folder, "c.db")
    os.mkdir(folder)
    with sqlite3.connect(collector.db) as source, sqlite3.connect(db) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = WAL")
    source.close()
    copy.close()
    os.chmod(db, 0o444)
    os.chmod(folder, 0o555)
    before = PLAIN if os.geteuid() == 0 else []

    def call(program, *words):
        return subprocess.run([*before, program, *words, "--db", db],
                              capture_output=True, text=True, check=False)

    for words, said in ((["status"], "measurements       1\n"),
                        (["vp", "list"], "lon1"), (["vp", "status"], "lon1"),
                        (["check"], "ok: the file is whole"),
                        (["note", "list"], "time"),
                        (["sites", "lists"], "name,since"),
                        (["export", "--format", "ripe-atlas"], '"abuf"')):
        done = call(collector.program, *words)
        tap.check(done.returncode == 0 and said in done.stdout and
                  done.stderr == "", f"{' '.join(words)} reads it", done)
    done = call(os.path.join(uploads.BUILD, "acreport"), "vps")
    tap.check(done.returncode == 0 and "lon1" in done.stdout,
              "and so does acreport", done)
    for words in (["vp", "add", "x"], ["note", "add", "x"],
                  ["import", batch], ["prune", "--raw", "1"],
                  ["check", "--hash"]):
        done = call(collector.program, *words)
        tap.check(done.returncode == 3 and done.stdout == "" and
                  done.stderr == f"accollect: {db}: Permission denied\n",
                  f"{words[0]} {os.path.basename(words[1])} is refused", done)
    tap.check(os.listdir(folder) == ["c.db"], "nothing is made beside it",
              os.listdir(folder))
    os.chmod(folder, 0o755)


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
