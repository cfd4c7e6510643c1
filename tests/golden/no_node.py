#!/usr/bin/env python3
# Proves that the programs build without Node.js, and that acreport html then says what it needs and the other reports work.
"""In a copy of the tree, where what is made by Node.js is made again without
it; what C is compiled already stays."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from html_report import DAY, store
from tap import BUILD, Tap

NODE = {"node", "nodejs", "npm", "npx", "corepack"}
PROGRAMS = ("acprobe", "acship", "accollect", "acreport")
FOLDERS = ("analysis", "collector", "lib", "man", "probe", "schema", "tests")


def path_without(folder):
    """This PATH; of folders with commands of Node.js what else is in them."""
    parts = []
    for number, part in enumerate(os.environ["PATH"].split(":")):
        names = os.listdir(part) if os.path.isdir(part) else []
        if NODE & set(names):
            place = os.path.join(folder, f"bin{number}")
            os.mkdir(place)
            for name in set(names) - NODE:
                os.symlink(os.path.abspath(os.path.join(part, name)),
                           os.path.join(place, name))
            part = place
        parts.append(part)
    return ":".join(parts)


def copy_tree(folder):
    tree = os.path.join(folder, "tree")
    os.mkdir(tree)
    for name in FOLDERS:
        shutil.copytree(name, os.path.join(tree, name), symlinks=True)
    for name in ("Makefile", "README.md"):
        shutil.copy2(name, tree)
    shutil.copytree(BUILD, os.path.join(tree, "build"), symlinks=True,
                    ignore=shutil.ignore_patterns(
                        "npm*", "san", "demo", "tests", "html_page*",
                        "airports*", "gazetteer_data*", *PROGRAMS))
    return tree


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix=f"no-node-{os.getpid()}-") as f:
        tree = copy_tree(f)
        env = {**os.environ, "PATH": path_without(f), "B": "build"}
        found = [n for n in NODE if shutil.which(n, path=env["PATH"])]
        tap.ok(not found, "a PATH without Node.js", found)

        def run(*words):
            return subprocess.run(words, cwd=tree, env=env, text=True,
                                  capture_output=True, check=False)

        made = run("make", "--no-print-directory")
        tap.ok(made.returncode == 0 and all(
            os.access(f"{tree}/build/{name}", os.X_OK) for name in PROGRAMS),
               "all programs build without Node.js", made.stdout[-800:],
               made.stderr[-800:])
        tap.ok("no node: built without the page" in made.stderr,
               "and make says what is left out", made.stderr)
        db, page = os.path.join(f, "db"), os.path.join(f, "page.html")
        store(db, 3, [b"lon1", b"ams1"], 24)
        words = (*DAY, "--db", db)
        done = run("build/acreport", "html", *words, "-o", page)
        tap.ok(done.returncode == 2 and done.stdout == "" and
               done.stderr.count("\n") == 1 and "nodejs" in done.stderr and
               "npm" in done.stderr and "make page" in done.stderr and
               not os.path.exists(page),
               "html says what it needs, in one line", done)
        for report in ("sites", "latency", "events"):
            done = run("build/acreport", report, *words, "--format", "csv")
            here = subprocess.run(
                [f"{BUILD}/acreport", report, *words, "--format", "csv"],
                capture_output=True, text=True, check=False)
            tap.ok(done.returncode == 0 and done.stdout == here.stdout and
                   done.stdout.count("\n") > 1,
                   f"{report} is what it is with Node.js", done)
        for test, what in (("html_report", "the page's test"),
                           ("manual", "that of the README's html")):
            done = run(sys.executable, f"tests/golden/{test}.py")
            tap.ok(done.returncode == 0 and "# SKIP this build has no page" in
                   done.stdout, f"{what} says that it is skipped",
                   done.stdout[-3000:], done.stderr)
        os.mkdir(f"{f}/stubs")
        for name in ("npm", "node"):
            with open(f"{f}/stubs/{name}", "w", encoding="ascii") as file:
                file.write("#!/bin/sh\necho no registry >&2\nexit 1\n")
            os.chmod(f"{f}/stubs/{name}", 0o755)
        env["PATH"] = f"{f}/stubs:{env['PATH']}"
        done = run("analysis/web/bundle.sh", f"{f}/npm")
        tap.ok(done.returncode == 0 and 'html_page_head[] = ""' in done.stdout
               and "npm ci failed" in done.stderr and "make page" in
               done.stderr, "nor does it need npm's registry", done)
    tap.done()


if __name__ == "__main__":
    main()
