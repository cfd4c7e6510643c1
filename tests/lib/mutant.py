"""Programs of ours with one step of their source replaced, for tests that
must see what the step protects from."""
import glob
import os
import re
import shlex
import subprocess

import uploads

COMMON = "-lconfuse -ljansson -lzstd -lz -lcrypto -lcap-ng -lpcre2-8 " \
    "-lmaxminddb -lm"
# As the Makefile links it: sources, libraries.
PROGRAMS = {
    "accollect": (("collector/*.c",), "-lmicrohttpd -lgnutls -lsqlite3"),
    "acship": (("probe/ship*.c", "probe/config*.c", "probe/spool*.c"),
               "-lcurl"),
    "batch_dump": ((), ""),
    "spool_driver": (("probe/spool*.c",), ""),
}
# Built from its source; what is replaced of the library comes before it.
DRIVERS = {
    "batch_dump": "tests/golden/batch_dump.c",
    "spool_driver": "tests/fault/spool_driver.c",
}


class Quiet(uploads.Tap):
    """Prints nothing and keeps the sentences that are not true."""

    def __init__(self):
        super().__init__()
        self.faults = []

    def check(self, passed, sentence, *details):
        if not passed:
            self.faults.append(sentence)
        return passed

    def note(self, text):
        pass


def noticed(tap, what, words, part):
    """part(tap) is a test's own procedure with a mutant in it; a sentence with
    these words must come out false."""
    quiet = Quiet()
    part(quiet)
    tap.check(any(words in sentence for sentence in quiet.faults),
              f"{what} is noticed", "none was false with: " + words,
              *quiet.faults)


def build(folder, program, changes):
    """The path of the program; changes: [(source, old, new)]."""
    with open(os.path.join(uploads.BUILD, "flags"), encoding="utf-8") as file:
        flags = [re.sub(r'^(-DAC_VERSION=)([^"]*)$', r'\1"\2"', word)
                 for word in shlex.split(file.read())]
    patterns, libraries = PROGRAMS[program]
    parts = [os.path.join(uploads.BUILD, path[:-2] + ".o")
             for pattern in patterns
             for path in glob.glob(pattern, root_dir=uploads.ROOT)]
    parts += [DRIVERS[program]] if program in DRIVERS else []
    sources = {}
    for source, old, new in changes:
        with open(sources.get(source) or os.path.join(uploads.ROOT, source),
                  encoding="utf-8") as file:
            text = file.read()
        if text.count(old) != 1:
            raise AssertionError(f"{source} has no such step, once: {old}")
        sources[source] = os.path.join(
            folder, re.sub(r"\W", "_", source[:-2]) + ".c")
        with open(sources[source], "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
    for source, path in sources.items():
        own = os.path.join(uploads.BUILD, source[:-2] + ".o")
        if source.startswith("lib/"):
            parts.append(path)
        else:
            parts[parts.index(own)] = path
    out = os.path.join(folder, program + "-mutant")
    if program == "accollect":
        parts.append(os.path.join(uploads.BUILD, "schema_sql.o"))
    subprocess.run([*flags, "-w", "-MF", out + ".d", "-o", out, *parts,
                    os.path.join(uploads.BUILD, "libac.a"),
                    *libraries.split(), *COMMON.split()], cwd=uploads.ROOT, check=True)
    return out
