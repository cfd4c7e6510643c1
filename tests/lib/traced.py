"""Which calls a program makes, so that it can be killed at each."""
import collections
import re


def words(calls, trace):
    """What stands before a command whose calls go to that file."""
    return ["strace", "-f", "-qq", "-o", trace, "-e",
            "trace=" + ",".join(calls)]


def points_in(trace):
    """{(call, index)} of that file: by thread, as strace counts."""
    made = collections.Counter()
    with open(trace, encoding="ascii", errors="replace") as file:
        for line in file:
            if seen := re.match(r"(\d+) +(\w+)\(", line):
                made[seen.groups()] += 1
    return {(call, index) for (_, call), count in made.items()
            for index in range(1, count + 1)}
