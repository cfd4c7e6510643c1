#!/usr/bin/env python3
# Proves that make demo ends well within a minute, agrees with the kernels, sees a false truth and leaves nothing.

import os
import re
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "lib"))
import machine  # noqa: E402
from page_data import data_of, rows_of, sites_of  # noqa: E402


def page_is_good(path):
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        data = data_of(file.read())
    columns, *rows = rows_of(data, "events")
    kinds = {row[columns.index("kind")] for row in rows}
    sites = sites_of(data)
    return "site lost" in kinds and len(sites) > 2 and all(sites.values())


def main():
    build = os.environ.get("B") or "build"
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    watch = machine.Watch()
    done = subprocess.run(["tests/demo/demo"], check=False, text=True,
                          env={**os.environ, "PROVE": "1"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seconds = watch.seconds()
    own = watch.own_seconds()
    agree = re.search(r"(\d+) of (\d+) pairs of vantage", done.stdout)
    false = re.search(r"truth exchanged, (\d+) pairs differ", done.stdout)
    files = ("anycast.db", "catchment-before.csv", "catchment-after.csv",
             "latency-before.csv", "latency-after.csv", "changes.csv", "records.csv")
    checks = [
        ("make demo ends with 0", done.returncode == 0),
        ("within 60 s of a machine of its own", own < 60),
        ("every vantage point and family agrees with the kernels, before and "
         "after", agree and agree[1] == agree[2] and int(agree[2]) >= 32),
        ("a falsified truth is seen", false and int(false[1]) >= 2),
        ("database and reports are left",
         all(os.path.exists(f"{build}/demo/{name}") and
             os.path.getsize(f"{build}/demo/{name}") for name in files)),
        ("the lab is down", "the lab is down" in done.stdout),
    ]
    page = "the page says what happened, and knows where every site is"
    if done.returncode == 0 and "report.html" not in done.stdout:
        checks.append((page + " # SKIP this build has no page", True))
    else:
        checks.append((page, page_is_good(f"{build}/demo/report.html")))
    if not all(good for _, good in checks):
        print("".join(f"# {line}\n" for line in done.stdout.splitlines()))
    print(f"# {seconds:.1f} s, {own:.1f} s of its own, {agree[0] if agree else 'not compared'}")
    for number, (sentence, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {sentence}")
    print(f"1..{len(checks)}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
