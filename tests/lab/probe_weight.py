#!/usr/bin/python3 -I
# A trace sends few packets beyond its end, a look ends with its last answer, waiting costs no processor time, and ten thousand addresses fit in 20 MiB.
"""usage: probe_weight.py"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
import probe  # noqa: E402
import probe_net  # noqa: E402
import probing  # noqa: E402
from probe import LOOK, TARGET  # noqa: E402

HOPS = 9  # of 10 ms each
TRACES = 200
TRIES = 3  # where the machine is late with answers or with a start
MEMORY_KIB = 20 * 1024


def hops_of(run):
    return run.stdout.count('"ttl"')


def test_traces(results, net):
    net.run("vp", "ping", "-c", "2", TARGET)
    # Eight at once, and six for the eight that answer before the target;
    # more where the machine was late with an answer, which is not each time.
    runs, counts = [], []
    while len(runs) < 4 or len(runs) < 4 * TRIES and min(counts) > 15:
        runs.append(probe.counted(net, "trace", *LOOK, "--only", "trace",
                                  TARGET))
        counts.append(runs[-1][1])
    results.ok(all(hops_of(run) == HOPS for run, _ in runs) and
               HOPS <= min(counts) <= 15,
               "a trace to the ninth hop takes at most 15 packets",
               (counts, [(run.stdout, run.stderr) for run, _ in runs]))
    many = probe_net.addresses(TRACES)
    runs = []
    while len(runs) < TRIES and not (
            runs and runs[-1][1] <= HOPS * TRACES * 1.1):
        runs.append(probe.counted(net, "traces", *LOOK, "--only", "trace",
                                  "--rate", "1000", *many))
    results.ok(all(hops_of(run) == HOPS * TRACES for run, _ in runs) and
               runs[-1][1] <= HOPS * TRACES * 1.1,
               "of many traces at once each takes a tenth more at most",
               [(packets, hops_of(run), run.stderr) for run, packets in runs])
    run, _ = probe.counted(net, "slow", *LOOK, "--only", "trace",
                           *many[:TRACES // 8])
    results.ok(run.status == 0 and run.cpu < run.wall / 4,
               "who waits for its turn to send takes no processor time",
               (run.cpu, run.wall, run.stderr))


def test_tail(results, net):
    ask = [*LOOK, "--only", "dns", "-c", "1"]
    runs = []
    while len(runs) < 8 * TRIES and not (runs and runs[-1].wall < 0.25):
        runs.append(net.run("vp", *ask, TARGET))
    results.ok(all(r.status == 0 for r in runs) and
               min(r.wall for r in runs) < 0.25,
               "a question that is asked once is over with its answer",
               [(r.wall, r.stderr) for r in runs])
    run = net.run("vp", *ask, "--tail", "1", TARGET)
    results.ok(run.status == 0 and run.wall >= 1.08,
               "--tail listens on for as long", (run.wall, run.stderr))


def test_memory(results, net):
    many = probe_net.addresses(probe.ADDRESSES)
    run = net.run("vp", *LOOK, "--only", "echo", "-c", "1", "--rate", "10000",
                  *many, weigh=True)
    results.ok(run.memory <= MEMORY_KIB and
               run.stdout.count('"question":"echo"') >= len(many),
               "a look at 10,000 addresses is resident in 20 MiB",
               (run.memory, run.status, run.stderr))
    conf = probe.configure(net, many)
    run = net.run("vp", probe_net.ACPROBE, "-q", "-f", conf, weigh=True)
    results.ok(run.status == 0 and run.memory <= MEMORY_KIB,
               "a round of 30,000 questions is resident in 20 MiB",
               (run.memory, run.status, run.stderr))


def main():
    results = probing.Results()
    with probe_net.chain([10] * HOPS) as net:
        test_traces(results, net)
        test_tail(results, net)
    with probe_net.two_hosts() as net:
        test_memory(results, net)
    sys.exit(results.done())


main()
