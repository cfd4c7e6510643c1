#!/usr/bin/env python3
# Proves that accollect export gives back every batch of the archive byte for byte, so that another collector that imports them has the same content.
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SPOOL = "0f" * 16
START_US = 1700000000000000


def main():
    tap = uploads.Tap()
    one, two = uploads.Collector(), uploads.Collector()
    try:
        came, paths = {}, []
        for collector in (one, two):
            collector.make()
        for vp in ("lon1", "ams1"):
            key = Key(one.folder, vp)
            one.add_vp(vp, key)
            two.add_vp(vp, key)
            for number in (1, 2, 3):
                t_us = START_US + number * 300000000
                batch = Batch(key, vp, SPOOL, number,
                              [uploads.record(t_us + i, f"{vp}{i}")
                               for i in range(9)], t_us)
                came[f"{vp}_{SPOOL}_{number}.acbatch"] = batch.file
                paths.append(os.path.join(one.folder, f"{vp}{number}"))
                with open(paths[-1], "wb") as file:
                    file.write(batch.file)
        one.run("import", *paths, *paths[:2])
        to = os.path.join(one.folder, "out")
        done = one.run("export", "--to", to, check=False)
        have = {name: open(os.path.join(to, name), "rb").read()
                for name in os.listdir(to)}
        tap.check(done.returncode == 0 and have == came,
                  "every batch comes back as it was sent, once", done,
                  sorted(have))
        two.run("import", *(os.path.join(to, name) for name in sorted(have)))
        hashes = [c.run("check", "--hash").stdout for c in (one, two)]
        tap.check(hashes[0] == hashes[1] and len(hashes[0]) == 65,
                  "another collector has the same content", *hashes)
        again = one.run("export", "--to", to)
        tap.check(again.stdout.startswith("0 batches written, 6 there"),
                  "what is there is left", again)
        only = os.path.join(one.folder, "only")
        one.run("export", "--to", only, "--vp", "ams1")
        tap.check(sorted(os.listdir(only)) ==
                  sorted(n for n in came if n.startswith("ams1")),
                  "one vantage point's alone, where asked")
        archive = os.path.join(one.folder, "archive", "00000001.acarc")
        with open(archive, "r+b") as file:
            data = file.read()
            file.seek(data.index(came[f"lon1_{SPOOL}_2.acbatch"]) + 400)
            file.write(b"\xff\x00\xff\x00")
        torn = os.path.join(one.folder, "torn")
        done = one.run("export", "--to", torn, check=False)
        tap.check(done.returncode == 1 and "damaged" in done.stderr and
                  len(os.listdir(torn)) == 5,
                  "a damaged one is named and left out", done)
        bad = [subprocess.run([one.program, "export", *words], text=True,
                              capture_output=True, check=False)
               for words in (("--to", to), ("-f", one.conf),
                             ("-f", one.conf, "--to", one.conf),
                             ("--to", to, "--archive", "/nowhere"))]
        tap.check(all(d.returncode == 2 and len(d.stderr.splitlines()) == 1
                      for d in bad), "a usage error is one line", *bad)
        return tap.done()
    finally:
        one.remove()
        two.remove()


if __name__ == "__main__":
    sys.exit(main())
