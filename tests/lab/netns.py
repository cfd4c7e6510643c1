"""Namespaces: enter, set up, ask their forwarding tables."""

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
SIOCGIFINDEX = 0x8933
RTM_GETROUTE, NLMSG_ERROR = 26, 2
RTM_F_FIB_MATCH = 0x2000
RTA_DST, RTA_SRC, RTA_IIF, RTA_OIF, RTA_MULTIPATH = 1, 2, 3, 4, 9
RTA_PREFSRC, RTA_IP_PROTO, RTA_SPORT, RTA_DPORT = 7, 27, 28, 29
RTN_UNICAST, RTN_LOCAL = 1, 2
RTNH_F_DEAD, RTNH_F_LINKDOWN = 1, 16
ROUTE_GROUPS = 0x40 | 0x400  # RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE

SYSCTLS = {
    "ipv4/ip_forward": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/ignore_routes_with_linkdown": 1,
    "ipv4/conf/default/ignore_routes_with_linkdown": 1,
    "ipv4/icmp_ratelimit": 0,
    "ipv4/icmp_msgs_per_sec": 1000000,
    "ipv4/icmp_msgs_burst": 1000000,
    "ipv4/icmp_errors_use_inbound_ifaddr": 1,
    "ipv4/fib_multipath_hash_policy": 1,
    "ipv6/conf/all/forwarding": 1,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/all/accept_dad": 0,
    "ipv6/conf/default/dad_transmits": 0,
    "ipv6/conf/default/accept_ra": 0,
    "ipv6/conf/default/autoconf": 0,
    "ipv6/conf/all/keep_addr_on_down": 1,
    "ipv6/conf/default/keep_addr_on_down": 1,
    "ipv6/conf/all/ignore_routes_with_linkdown": 1,
    "ipv6/conf/default/ignore_routes_with_linkdown": 1,
    "ipv6/icmp/ratelimit": 0,
    "ipv6/fib_multipath_hash_policy": 1,
}
HOST = {"ipv4/ip_forward": 0, "ipv6/conf/all/forwarding": 0}

libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    """Put this process in a namespace."""
    with open(path) as space:
        if libc.setns(space.fileno(), CLONE_NEWNET) == -1:
            raise OSError(ctypes.get_errno(), os.strerror(
                ctypes.get_errno()), path)


@contextlib.contextmanager
def inside(path):
    """What is opened or started here belongs to that namespace."""
    with open("/proc/self/ns/net") as home:
        enter(path)
        try:
            yield
        finally:
            if libc.setns(home.fileno(), CLONE_NEWNET) == -1:
                raise OSError(ctypes.get_errno(), "setns home")


def sysctl(values):
    """Of the namespace that we are in."""
    for name, value in values.items():
        with open("/proc/sys/net/" + name, "w") as file:
            file.write(str(value))


def ip_batch(lines):
    result = subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True,
        stderr=subprocess.PIPE, check=False)
    if result.returncode != 0:
        raise OSError(errno.EINVAL, "ip: " + result.stderr.strip())


def attribute(kind, data):
    return struct.pack("HH", len(data) + 4, kind) + data + \
        b"\0" * (-len(data) % 4)


def attributes(data):
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, offset)
        if length < 4:
            return
        yield kind & 0x3fff, data[offset + 4:offset + length]
        offset += (length + 3) & ~3


class Route:
    """What a kernel would do with a packet."""

    def __init__(self, kind, devices=(), source=None):
        self.kind = kind
        self.devices = list(devices)
        self.source = source


class Tables:
    """Questions to the forwarding tables of one namespace."""

    def __init__(self, path):
        with inside(path):
            self.netlink = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self.ordinary = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.netlink.bind((0, 0))
        self.indexes = {}

    def close(self):
        self.netlink.close()
        self.ordinary.close()

    def device_index(self, name):
        if name not in self.indexes:
            request = struct.pack("16si20x", name.encode(), 0)
            answer = fcntl.ioctl(self.ordinary, SIOCGIFINDEX, request)
            self.indexes[name] = struct.unpack_from("i", answer, 16)[0]
        return self.indexes[name]

    def route(self, target, source=None, device=None, flow=None,
              every=False):
        """Where a packet goes: flow is (protocol, source port, destination
        port); every asks for all next hops, not for the one of a flow."""
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        bits = 128 if family == socket.AF_INET6 else 32
        body = struct.pack("BBBBBBBBI", family, bits, bits if source else 0,
                           0, 0, 0, 0, 0, RTM_F_FIB_MATCH if every else 0)
        body += attribute(RTA_DST, socket.inet_pton(family, target))
        if source:
            body += attribute(RTA_SRC, socket.inet_pton(family, source))
        if device:
            body += attribute(RTA_IIF, struct.pack(
                "i", self.device_index(device)))
        if flow:
            body += attribute(RTA_IP_PROTO, bytes([flow[0]]))
            body += attribute(RTA_SPORT, struct.pack("!H", flow[1]))
            body += attribute(RTA_DPORT, struct.pack("!H", flow[2]))
        self.netlink.send(struct.pack(
            "IHHII", 16 + len(body), RTM_GETROUTE, 1, 1, 0) + body)
        return parse_route(self.netlink.recv(65536), family)


def parse_route(answer, family):
    if struct.unpack_from("IH", answer)[1] == NLMSG_ERROR:
        return Route(None)
    length = struct.unpack_from("I", answer)[0]
    route = Route(answer[16 + 7])
    for kind, data in attributes(answer[28:length]):
        if kind == RTA_OIF:
            route.devices = [struct.unpack("i", data)[0]]
        elif kind == RTA_PREFSRC:
            route.source = socket.inet_ntop(family, data)
        elif kind == RTA_MULTIPATH:
            route.devices = next_hops(data)
    return route


def next_hops(data):
    devices, offset = [], 0
    while offset + 8 <= len(data):
        length, flags, _, index = struct.unpack_from("HBBi", data, offset)
        if not flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN):
            devices.append(index)
        offset += (length + 3) & ~3
    return devices


class RouteWatch:
    """Notices changes of the routes of some namespaces."""

    def __init__(self, paths):
        self.sockets = []
        for path in paths:
            with inside(path):
                one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                    socket.NETLINK_ROUTE)
            one.bind((0, ROUTE_GROUPS))
            one.setblocking(False)
            self.sockets.append(one)

    def changed(self):
        """Forgets what it saw; an overflow is a change too."""
        seen = False
        for one in self.sockets:
            try:
                while one.recv(65536):
                    seen = True
            except BlockingIOError:
                pass
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                seen = True
        return seen

    def close(self):
        for one in self.sockets:
            one.close()
