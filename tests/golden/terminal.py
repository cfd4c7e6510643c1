#!/usr/bin/env python3
# Proves that the page of a look has colour on a terminal alone, and none where NO_COLOR is set, and says the same in both.
import os
import re
import subprocess

import tap
import terminals

COMMAND = [os.path.join(tap.BUILD, "acprobe"), "-q", "-n", "--only", "dns",
           "-c", "1", "--allow-special", "127.0.0.0/8", "127.0.0.1@9"]
ESCAPE = re.compile(r"\033\[[0-9;]*m")


def on_terminal(**more):
    """What a terminal is sent."""
    return terminals.said_to(COMMAND, stdin=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL,
                             env=dict(os.environ, **more))


def main():
    results = tap.Tap()
    os.environ.pop("NO_COLOR", None)
    piped = subprocess.run(COMMAND, stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL, check=False).stdout
    coloured = on_terminal()
    results.ok(piped.count("\n") >= 3 and "\033" not in piped,
               "there is no colour off a terminal", piped)
    results.ok(ESCAPE.search(coloured) and
               ESCAPE.sub("", coloured) == piped,
               "there is on one, and nothing else is other", coloured)
    results.ok(on_terminal(NO_COLOR="1") == piped and
               ESCAPE.search(on_terminal(NO_COLOR="")),
               "nor is there with NO_COLOR, unless it is empty",
               on_terminal(NO_COLOR="1"))
    results.done()


if __name__ == "__main__":
    main()
