"""Bring a lab up, wait until it has settled, take it down."""

import glob
import os
import random
import select
import subprocess
import time

import bird
import netns
import servers
import topology
import truth
from labdir import LabDir, LabError, process_start

HERE = os.path.dirname(os.path.abspath(__file__))
COST_NS = 40000  # of a traversal of the relay and two kernels, by itself


def default_path(pid):
    return "/tmp/aclab.%d-%d" % (os.getuid(), pid)


def up(path, seed, name, trap=None):
    """With trap, what is there so far ends with that process, and so do
    we."""
    if os.getuid() != 0:
        raise LabError("up needs root (namespaces, TAP devices)")
    if name not in topology.TOPOLOGIES:
        raise LabError("no topology %s: there is %s" % (
            name, ", ".join(topology.TOPOLOGIES)))
    prefix = "acl%d" % os.getpid()
    if glob.glob("/run/netns/%s-*" % prefix):
        raise LabError("namespaces %s-* are there already" % prefix)
    if seed is None:
        seed = random.SystemRandom().randrange(1000000)
    lab = LabDir(path or default_path(os.getpid()))
    lab.create(prefix)
    lab.enlist("up", os.getpid())
    try:
        if trap:
            watch_over(lab, trap)
        build(lab, topology.draw(name, seed))
    except BaseException as error:
        keep_evidence(lab, error)
        lab.end_all()
        raise
    return lab


def keep_evidence(lab, error):
    """What the servers said before they are gone with their folder."""
    for path in sorted(glob.glob(lab.file("**", "*.stderr"),
                                 recursive=True)):
        with open(path, errors="replace") as file:
            text = file.read().strip()
        if text and isinstance(error, Exception):
            error.add_note("%s: %s" % (os.path.basename(path), text[-300:]))


def build(lab, state):
    lab.save(state)
    open(lab.file("lock"), "w").close()
    compiler = subprocess.Popen(
        ["gcc", "-O2", "-o", lab.file("relay"),
         os.path.join(HERE, "relay.c")])
    prefix = lab.prefix()
    netns.ip_batch("netns add %s-%s" % (prefix, n) for n in state["nodes"])
    for name, node in state["nodes"].items():
        with netns.inside(lab.netns(name)):
            netns.sysctl(netns.SYSCTLS)
            if node["kind"] in ("vp", "collector"):
                netns.sysctl(netns.HOST)
    if compiler.wait() != 0:
        raise LabError("relay.c does not compile")
    start_relay(lab, state)
    for name in state["nodes"]:
        with netns.inside(lab.netns(name)):
            netns.ip_batch(network_lines(state, name))
    for name, node in state["nodes"].items():
        with netns.inside(lab.netns(name)):
            if node["kind"] in ("router", "site"):
                bird.start(lab, state, name)
    for name, node in state["nodes"].items():
        with netns.inside(lab.netns(name)):
            if node["kind"] == "site":
                servers.start(lab, state, name)
    wait(lab, state, 20)
    lab.save(state)


def start_relay(lab, state):
    with open(lab.file("links"), "w") as file:
        for link in state["links"]:
            file.write("%s %s %s %s %d %d\n" % (
                lab.netns(link["a"]), link["a_if"], lab.netns(link["b"]),
                link["b_if"], *link["delay_ns"]))
    relay = lab.spawn(
        "relay", ["./relay", "links", "relay.ctl", str(state["seed"]),
                  str(COST_NS)], lab.path, stdout=subprocess.PIPE)
    readable, _, _ = select.select([relay.stdout], [], [], 10)
    if not readable or relay.stdout.readline() != b"ready\n":
        with open(lab.file("relay.stderr")) as file:
            raise LabError("the relay did not start: " + file.read().strip())
    for number, link in enumerate(state["links"]):
        if not link["up"]:
            relay_set(lab, number, 0, "carrier", 0)


def relay_set(lab, link_number, side, what, value):
    import socket
    home = os.getcwd()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(5)
        try:
            os.chdir(lab.path)
            control.connect("relay.ctl")
        finally:
            os.chdir(home)
        control.sendall(b"%d %d %s %d\n" % (
            link_number, side, what.encode(), value))
        if control.recv(16) != b"ok\n":
            raise LabError("the relay refused %s %d" % (what, value))


def network_lines(state, name):
    """Addresses, links and static routes of a node, for ip -batch."""
    node = state["nodes"][name]
    yield "link set lo up"
    for link in state["links"]:
        for side in "ab":
            if link[side] != name:
                continue
            device = link[side + "_if"]
            yield "addr add %s dev %s" % (link[side + "4"], device)
            yield "addr add %s dev %s nodad" % (link[side + "6"], device)
            yield "link set %s group 1 up" % device
            if link["relation"] == "stub" and side == "a":
                yield "route add 0.0.0.0/0 via " + link["b4"].split("/")[0]
                yield "route add ::/0 via " + link["b6"].split("/")[0]
    if node["kind"] == "site":
        yield from lo_lines(servers.addresses(state, name), "add")


def lo_lines(addresses, verb):
    for address in addresses:
        yield "addr %s %s/%s" % (verb, address,
                                 "128 dev lo nodad" if ":" in address
                                 else "32 dev lo")


def speakers(lab, state):
    running = lab.processes()
    return [n for n in state["nodes"] if "bird-" + n in running]


def quiet_s(state):
    """Longer than any message is under way between two networks."""
    delay = max(max(link["delay_ns"][i] + link["jitter_ns"][i]
                    for i in (0, 1)) for link in state["links"])
    return 2 * delay / 1e9 + 0.15


def settle(lab, state, timeout_s, act=None):
    """Do something, then wait until all sessions are there and no route has
    changed for long enough. False when the time is up."""
    names = speakers(lab, state)
    watch = netns.RouteWatch([lab.netns(n) for n in names])
    try:
        if act:
            act()
        deadline = time.monotonic() + timeout_s
        last_change = time.monotonic()
        missing = set(speakers(lab, state))
        while time.monotonic() < deadline:
            if watch.changed():
                last_change = time.monotonic()
            missing = {n for n in missing
                       if not sessions_match(lab, state, n)}
            if missing:
                last_change = time.monotonic()
            elif time.monotonic() - last_change > quiet_s(state):
                return True
            time.sleep(0.01)
        return False
    finally:
        watch.close()


def sessions_match(lab, state, name):
    try:
        there = bird.established(lab, name)
    except OSError:
        return False
    return there == alive_sessions(lab, state, name)


def alive_sessions(lab, state, name):
    """Those whose other end has a BIRD that runs."""
    alive = set(speakers(lab, state))
    return {session for session in bird.expected(state, name)
            if session.split("_", 1)[1] in alive}


def wait(lab, state, timeout_s):
    """Sessions, routes, servers; raises LabError naming what is missing."""
    deadline = time.monotonic() + timeout_s
    settled = settle(lab, state, timeout_s)
    for name in lab.processes():
        if name.startswith("server-") and name != "server-rogue":
            wait_server(lab, state, name[len("server-"):],
                        max(1, deadline - time.monotonic()))
    if not settled:
        raise LabError("BGP did not settle in %g s" % timeout_s)
    lost = [row for row in truth_rows(lab, state) if not row["answering"]]
    if lost:
        raise LabError("no instance answers %s" % ", ".join(
            "%s (IPv%d)" % (row["vp"], row["af"]) for row in lost))


def wait_server(lab, state, name, timeout_s):
    ready = servers.listens if state["nodes"][name]["mode"].get("silent") \
        else servers.answers
    for address in servers.addresses(state, name):
        if not is_local(lab, name, address):
            continue  # black-holed
        if not ready(lab.netns(name), address, state["service"]["zone"],
                     timeout_s):
            raise LabError("the server at %s does not answer on %s" % (
                name, address))


def is_local(lab, name, address):
    table = netns.Tables(lab.netns(name))
    try:
        return table.route(address).kind == netns.RTN_LOCAL
    finally:
        table.close()


def truth_rows(lab, state, flow=None, vps=None):
    world = truth.World(lab, state)
    try:
        return world.truth(flow, vps)
    finally:
        world.close()


def watch_over(lab, pid):
    """Leave behind a process that takes the lab down when pid ends."""
    start = process_start(pid)
    if start is None:
        raise LabError("no process %d to watch" % pid)
    lab.spawn("watch", ["/usr/bin/python3", "-IS",
                        os.path.join(HERE, "lab"), "--dir", lab.path,
                        "watch", str(pid), str(start)], lab.path, cwd="/")


def watch(lab, pid, start):
    """The body of that process."""
    try:
        handle = os.pidfd_open(pid)
        if process_start(pid) == start:
            select.select([handle], [], [])
    except ProcessLookupError:
        pass
    lab.end_all()
