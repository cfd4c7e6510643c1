"""The lab's commands: arguments in, text out."""

import argparse
import json
import os
import signal
import sys
import time

import events
import labdir
import lifecycle
import truth
from labdir import LabError


def say(text):
    print(text, file=sys.stderr)


def stopped(number, _):
    """What is half up is taken down on the way out."""
    raise SystemExit(128 + number)


def command_up(lab_path, options):
    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped)
    lab = lifecycle.up(lab_path, options.seed, options.topology,
                       options.trap)
    state = lab.load()
    say("lab: seed %d, %d nodes, %d links, up in %.1f s" % (
        state["seed"], len(state["nodes"]), len(state["links"]),
        time.monotonic() - started))
    print("export LAB_DIR=%s LAB_SEED=%d" % (lab.path, state["seed"]))


def command_down(lab_path, _):
    path = lab_path or os.environ.get("LAB_DIR")
    if path and not os.path.exists(path):
        return  # down already
    labdir.find(path).end_all()


def command_watch(lab_path, options):
    lifecycle.watch(labdir.find(lab_path), options.pid, options.start)


def command_list(_, __):
    for lab in labdir.every():
        print(lab.path)


def table(rows):
    """Columns as wide as they need to be."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width
                        in zip(row, widths)).rstrip())


def command_truth(lab_path, options):
    lab = labdir.find(lab_path)
    try:
        flow = truth.parse_flow(options.flow) if options.flow else None
    except (ValueError, KeyError):
        raise LabError("--flow wants sport=N[,dport=N][,proto=udp|tcp]") \
            from None
    rows = lifecycle.truth_rows(lab, lab.load(), flow, options.vp or None)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    table([("VP", "AF", "SITE", "INSTANCE", "RTT_MS", "PATH")] + [
        (row["vp"], row["af"], row["site"] or "-",
         " ".join(row["instances"]) or "-",
         "-" if row["rtt_ms"] is None else "%.3f" % row["rtt_ms"],
         " ".join(row["path"])) for row in rows])


def describe(lab, state):
    """What a test or an operator may want to know of a lab."""
    keys = ("kind", "asn", "city", "code", "country", "region", "lat", "lon",
            "v4", "v6", "access", "server", "names")
    nodes = []
    for name, node in state["nodes"].items():
        entry = {"name": name,
                 "namespace": "%s-%s" % (lab.prefix(), name)}
        entry.update((key, node[key]) for key in keys if key in node)
        nodes.append(entry)
    return {
        "seed": state["seed"], "topology": state["topology"],
        "dir": lab.path, "service": state["service"],
        "vantage_points": [n for n in nodes if n["kind"] == "vp"],
        "collector": next(n for n in nodes if n["kind"] == "collector"),
        "sites": [n for n in nodes if n["kind"] == "site"],
        "routers": [n for n in nodes if n["kind"] == "router"],
        "links": [{key: link[key] for key in (
            "a", "b", "relation", "af", "up", "delay_ns", "jitter_ns",
            "loss_ppm", "a4", "b4", "a6", "b6")} for link in state["links"]],
    }


def command_nodes(lab_path, options):
    lab = labdir.find(lab_path)
    described = describe(lab, lab.load())
    if options.json:
        print(json.dumps(described, indent=1))
        return
    rows = [("NODE", "KIND", "AS", "PLACE", "REGION", "IPV4", "IPV6",
             "SAYS")]
    for key in ("vantage_points", "sites", "routers"):
        for n in described[key]:
            rows.append((n["name"], n["kind"], n["asn"],
                         "%s %s" % (n["city"], n["country"]), n["region"],
                         n.get("v4", "-"), n.get("v6", "-"),
                         n.get("names", {}).get("nsid", "-")))
    n = described["collector"]
    rows.append((n["name"], n["kind"], n["asn"], n["city"], n["region"],
                 n["v4"], n["v6"], "-"))
    table(rows)
    service = described["service"]
    print("service %(name)s: %(v4)s %(v6)s, zone %(zone)s" % service)


def command_sitemap(lab_path, _):
    for entry in labdir.find(lab_path).load()["sitemap"]:
        print(" ".join(str(word) for word in entry))


def command_wait(lab_path, options):
    lab = labdir.find(lab_path)
    with lab.locked():
        lifecycle.wait(lab, lab.load(), options.timeout)


def command_shell(lab_path, options):
    lab = labdir.find(lab_path)
    os.environ["PS1"] = options.node + "# "
    os.execvp("nsenter", ["nsenter", "--net=" + lab.netns(options.node),
                          "--", "bash", "--norc"])


def command_exec(_, __):
    raise LabError("exec wants NODE COMMAND…")


def command_event(lab_path, options):
    lab = labdir.find(lab_path)
    with lab.locked():
        state = lab.load()
        events.run(lab, state, options)


class Parser(argparse.ArgumentParser):
    """A usage error is one line, not the usage."""

    def error(self, message):
        self.exit(2, "lab: %s\n" % message)


def parser():
    top = Parser(
        prog="lab", description="A small internet with an anycast service, "
        "in namespaces.")
    top.add_argument("--dir", help="the lab's folder (default: LAB_DIR, "
                     "or the only lab that is up)")
    commands = top.add_subparsers(dest="command", required=True,
                                  metavar="COMMAND")

    def add(name, run, text):
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        one.add_argument("--dir", dest="own_dir", help="the lab's folder")
        return one

    one = add("up", command_up, "bring a lab up; prints LAB_DIR and seed")
    one.add_argument("--seed", type=int, help="draw this lab, not another")
    one.add_argument("--topology", default="world", help="world or ecmp")
    one.add_argument("--trap", type=int, metavar="PID",
                     help="take the lab down when this process ends")
    add("down", command_down, "end it and all that it started")
    add("list", command_list, "the folders of the labs in /tmp")
    one = add("truth", command_truth,
              "who reaches which instance, after the kernels' tables")
    one.add_argument("--json", action="store_true")
    one.add_argument("--flow", help="of this flow: "
                     "sport=N[,dport=N][,proto=udp|tcp]")
    one.add_argument("vp", nargs="*", help="only of these vantage points")
    one = add("nodes", command_nodes, "the nodes, places and addresses")
    one.add_argument("--json", action="store_true")
    add("sitemap", command_sitemap,
        "lines of: service match pattern site lat lon")
    one = add("wait", command_wait, "until BGP has settled, every server "
              "answers and every vantage point reaches one")
    one.add_argument("--timeout", type=float, default=15, metavar="S")
    one = add("shell", command_shell, "a shell in a node")
    one.add_argument("node")
    one = add("exec", command_exec, "run a command in a node: "
              "exec NODE COMMAND…")
    one.add_argument("rest", nargs="*")
    one = add("event", command_event, "make something happen; returns when "
              "routing has settled")
    events.add_arguments(one)
    one = add("watch", command_watch, "used by up --trap")
    one.add_argument("pid", type=int)
    one.add_argument("start", type=int)
    return top


def run(folder, arguments):
    options = parser().parse_args(arguments)
    path = getattr(options, "own_dir", None) or options.dir or folder
    return options.run(path, options)
