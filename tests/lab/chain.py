"""A chain of routers in network namespaces: vp, r1 … rN, server. Where a path
must be just so; the lab has the rest. `chain.py serve` is its server: a DNS
answer with NSID to whatever is asked."""

import array
import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lifecycle  # noqa: E402
import netns  # noqa: E402
from labdir import LabDir  # noqa: E402

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17

NSID = b"end.of.chain"
SERVICE = {4: "203.0.113.53", 6: "2001:db8:53::53"}
BEHIND = {4: "203.0.113.99", 6: "2001:db8:53::99"}  # the server's, too
SERVICE_PREFIX = {4: "203.0.113.0/24", 6: "2001:db8:53::/48"}
VP = {4: "198.51.100.2", 6: "2001:db8:a::2"}
VP_PREFIX = {4: "198.51.100.0/24", 6: "2001:db8:a::/48"}


def near(link, af):
    """The address of a link's end that is nearer to the vantage point."""
    if link == 0:
        return VP[af]
    return "100.64.%d.0" % link if af == 4 else "2001:db8:ff:%d::1" % link


def far(link, af):
    if link == 0:
        return "198.51.100.1" if af == 4 else "2001:db8:a::1"
    return "100.64.%d.1" % link if af == 4 else "2001:db8:ff:%d::2" % link


def finish_checksums(space, device):
    """Before they leave, not by the network card that there is none of."""
    value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
    with netns.inside("/run/netns/" + space):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack(
                "16sP", device.encode(), value.buffer_info()[0]))


class Chain:
    """As probing.Lab, with nodes vp, r1 … rN and server. Limits are those of
    ICMP errors, as kernels have them. With offload, checksums are as a
    hypervisor sees them; conntrack makes wrong ones of those."""

    def __init__(self, routers, limits=False, offload=False):
        self.dir = tempfile.mkdtemp(prefix="acchain%d." % os.getpid())
        self.names = ["vp", *("r%d" % n for n in range(1, routers + 1)),
                      "server"]
        self.server = None
        self.limits, self.offload = limits, offload
        self.lab = LabDir(self.dir)  # by which it ends as labs do
        self.lab.create("acc%d" % os.getpid())
        try:
            lifecycle.watch_over(self.lab, os.getpid())
            self.build()
        except BaseException:
            self.down()
            raise

    def namespace(self, node):
        return "%s-%s" % (self.lab.prefix(), node)

    def build(self):
        for node in self.names:
            self.ip("netns add " + self.namespace(node))
        for node in self.names:
            self.sysctl(node)
        for number in range(len(self.names) - 1):
            self.link(number)
        for number, node in enumerate(self.names):
            self.routes(number, node)
        self.server = subprocess.Popen(
            self.command("server", sys.executable, "-I", __file__, "serve"),
            stdout=subprocess.PIPE, text=True)
        if self.server.stdout.readline() != "ready\n":
            raise SystemExit("chain: the server does not start")

    @staticmethod
    def ip(*lines, namespace=None):
        where = ["-n", namespace] if namespace else []
        done = subprocess.run(["ip", *where, "-batch", "-"], text=True,
                              input="\n".join(lines) + "\n", check=False,
                              stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit("chain: ip: %s: %s" % (lines, done.stderr))

    def sysctl(self, node):
        values = {"ipv4/conf/all/rp_filter": 0,
                  "ipv4/conf/default/rp_filter": 0,
                  "ipv6/conf/default/accept_dad": 0}
        if node not in ("vp", "server"):
            values.update({"ipv4/ip_forward": 1,
                           "ipv6/conf/all/forwarding": 1})
        if not self.limits:
            values.update({"ipv4/icmp_ratelimit": 0,
                           "ipv6/icmp/ratelimit": 0})
        text = "".join("echo %s >/proc/sys/net/%s\n" % (value, name)
                       for name, value in values.items())
        self.must(node, "sh", "-ec", text)

    def link(self, number):
        """back leads to the vantage point, eth0 away from it."""
        a, b = (self.namespace(node)
                for node in self.names[number:number + 2])
        self.ip("link add eth0 netns %s type veth peer name back netns %s" % (
            a, b))
        bits = ("29", "64") if number == 0 else ("31", "126")
        for space, end, device in ((a, near, "eth0"), (b, far, "back")):
            self.ip(*("addr add %s/%s dev %s%s" % (
                end(number, af), bits[af == 6], device,
                " nodad" if af == 6 else "") for af in (4, 6)),
                "link set lo up", "link set %s up" % device,
                namespace=space)
            if not self.offload:
                finish_checksums(space, device)

    def routes(self, number, node):
        lines = []
        for af in (4, 6):
            if node == "vp":
                lines.append("route add default via " + far(0, af))
            elif node == "server":
                lines += ["addr add %s dev lo" % SERVICE[af],
                          "addr add %s dev lo" % BEHIND[af],
                          "route add default via %s" % near(
                              number - 1, af)]
            else:
                lines += ["route add %s via %s" % (
                    SERVICE_PREFIX[af], far(number, af))]
                if number > 1:
                    lines += ["route add %s via %s" % (
                        VP_PREFIX[af], near(number - 1, af))]
        self.ip(*lines, namespace=self.namespace(node))

    def hops(self, af):
        """What a trace sees before the service."""
        return [far(n, af) for n in range(len(self.names) - 2)]

    def command(self, node, *words):
        return ["ip", "netns", "exec", self.namespace(node), *words]

    def greet(self):
        """All on the way learn who their neighbours are: no packet waits for
        that afterwards, or is lost."""
        for address in SERVICE.values():
            self.must("vp", "ping", "-q", "-c1", "-w20", address)

    def also_serve(self, addresses):
        """More addresses of the server, of the service's prefixes."""
        self.ip(*("addr add %s dev lo" % address for address in addresses),
                namespace=self.namespace("server"))

    def must(self, node, *words):
        done = subprocess.run(self.command(node, *words), text=True,
                              capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise SystemExit("%s: %s: %s" % (node, " ".join(words),
                                             done.stderr))
        return done.stdout

    def down(self):
        if self.server is not None:
            self.server.kill()
            self.server.wait()
        self.lab.end_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()


# --- the server ---

def answer(query):
    """NOERROR without records, and NSID where EDNS was there."""
    end = 12
    while query[end] != 0:
        end += 1 + query[end]
    end += 5
    counts = struct.pack("!HHHH", 1, 0, 0, 1 if query[11] else 0)
    option = struct.pack("!HH", 3, len(NSID)) + NSID
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option
    return query[:2] + b"\x84\0" + counts + query[12:end] + \
        (opt if query[11] else b"")


def datagrams(family, address, bound):
    """(socket, query, client) of each that comes to port 53, without end; the
    semaphore is released when it is bound."""
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.bind((address, 53))
        bound.release()
        while True:
            yield udp, *udp.recvfrom(65535)


def serve():
    def one(family, address):
        for udp, query, client in datagrams(family, address, bound):
            if len(query) > 16:
                udp.sendto(answer(query), client)

    def stream(family):
        with socket.create_server(("", 53), family=family) as listener:
            bound.release()
            while True:
                client, _ = listener.accept()
                threading.Thread(target=talk, args=(client,),
                                 daemon=True).start()

    def talk(client):
        with client, contextlib.suppress(OSError):
            client.settimeout(10)
            query = client.recv(65535)
            if len(query) > 18:
                said = answer(query[2:])
                client.sendall(struct.pack("!H", len(said)) + said)
                client.recv(1)

    bound = threading.Semaphore(0)
    for family in (socket.AF_INET, socket.AF_INET6):
        threading.Thread(target=stream, args=(family,), daemon=True).start()
        bound.acquire()
    for family, address in ((socket.AF_INET, SERVICE[4]),
                            (socket.AF_INET, BEHIND[4]),
                            (socket.AF_INET6, SERVICE[6]),
                            (socket.AF_INET6, BEHIND[6])):
        threading.Thread(target=one, args=(family, address),
                         daemon=True).start()
        bound.acquire()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1:] != ["serve"]:
        sys.exit("usage: chain.py serve; see probe_path.py")
    serve()
