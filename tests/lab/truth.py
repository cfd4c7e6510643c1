"""The ground truth: what the kernels' forwarding tables do with packets
between a vantage point and the service, and what the server there says."""

import netns
import servers

HOPS_MAX = 32
PATHS_MAX = 64
PROTOCOLS = {"udp": 17, "tcp": 6, "icmp": 1, "icmp6": 58}


class Path:
    """Where packets went: the wires that they took, the delay of these."""

    def __init__(self, start, wires=(), delay_ns=0):
        self.start = start
        self.wires = list(wires)
        self.delay_ns = delay_ns
        self.delivered = False

    def longer(self, wire):
        return Path(self.start, self.wires + [wire],
                    self.delay_ns + wire.delay_ns)

    def nodes(self):
        return [self.start] + [wire.node for wire in self.wires]

    def end(self):
        return self.wires[-1].node if self.wires else self.start

    def device(self):
        """The device by which it came to its end."""
        return self.wires[-1].device if self.wires else None

    def hops(self, af):
        """What a traceroute would see, the target left out."""
        routers = self.wires[:-1] if self.delivered else self.wires
        return [wire.address[af] for wire in routers]


class Wire:
    """One direction of a link, seen by who sends into it."""

    def __init__(self, node, device, address, delay_ns):
        self.node = node
        self.device = device
        self.address = address
        self.delay_ns = delay_ns


class World:
    """The namespaces of a lab, ready to be asked."""

    def __init__(self, lab, state):
        self.lab = lab
        self.state = state
        self.running = lab.processes()
        self.tables = {}
        self.wires = {}
        for link in state["links"]:
            for side, other, way in (("a", "b", 0), ("b", "a", 1)):
                self.wires[link[side], link[side + "_if"]] = Wire(
                    link[other], link[other + "_if"],
                    {af: link["%s%d" % (other, af)].split("/")[0]
                     for af in (4, 6)},
                    link["delay_ns"][way])

    def close(self):
        for tables in self.tables.values():
            tables.close()

    def table(self, node):
        if node not in self.tables:
            self.tables[node] = netns.Tables(self.lab.netns(node))
        return self.tables[node]

    def wire(self, node, index):
        """The wire behind a device's number, None if it is no link."""
        table = self.table(node)
        if not hasattr(table, "by_index"):
            table.by_index = {}
            for (owner, device), wire in self.wires.items():
                if owner == node:
                    table.by_index[table.device_index(device)] = wire
        return table.by_index.get(index)

    def walk(self, start, target, source, flow=None):
        """Every path that packets may take; with a flow, its path."""
        done, todo = [], [Path(start)]
        while todo and len(done) < PATHS_MAX:
            path = todo.pop(0)
            route = self.table(path.end()).route(
                target, source, path.device(), flow, every=flow is None)
            if route.kind == netns.RTN_LOCAL:
                path.delivered = True
                done.append(path)
                continue
            wires = [self.wire(path.end(), i) for i in route.devices]
            wires = [wire for wire in wires if wire]
            if route.kind != netns.RTN_UNICAST or not wires or \
                    len(path.wires) > HOPS_MAX:
                done.append(path)
                continue
            todo += [path.longer(wire) for wire in wires]
        return done

    def server(self, name):
        node = self.state["nodes"][name]
        if servers.needs_responder(node):
            return "responder"
        return node["server"]

    def what_it_says(self, name):
        """The configured identity of the server at a site, by method."""
        node = self.state["nodes"][name]
        said = {"nsid_hex": None, "hostname_bind": None, "id_server": None,
                "chaos_hex": node["mode"].get("chaos_hex"),
                "mode": node["mode"]}
        said["answering"] = "server-" + name in self.running and \
            not node["mode"].get("silent")
        if not said["answering"]:
            return said
        nsid = servers.nsid_bytes(node)
        said["nsid_hex"] = None if nsid is None else nsid.hex()
        said.update(servers.chaos_names(node))
        if said["chaos_hex"] is not None:
            text = as_text(bytes.fromhex(said["chaos_hex"]))
            said["hostname_bind"] = said["id_server"] = text
        return said

    def outcome(self, vp, af, path, flow):
        """One path to its end and the way back."""
        node = self.state["nodes"][vp]
        service = self.state["service"]["v%d" % af]
        end = path.end()
        result = {"path": path.nodes(), "hops": path.hops(af),
                  "node": None, "site": None, "server": None,
                  "instance": None, "rtt_ms": None, "rtt_max_ms": None,
                  "return_path": None, "reachable": False,
                  "answering": False}
        back_flow = (flow[0], flow[2], flow[1]) if flow else None
        if not path.delivered:
            return result
        back = self.walk(end, node["v%d" % af], service, back_flow)
        homes = [p for p in back if p.delivered and p.end() == vp]
        result.update(node=end, site=self.state["nodes"][end]["code"]
                      if end != "rogue" else "rogue",
                      server=self.server(end))
        if not homes:
            return result
        times = [round((path.delay_ns + home.delay_ns) / 1e6, 3)
                 for home in homes]
        said = self.what_it_says(end)
        result.update(
            reachable=True, return_path=homes[0].nodes(), rtt_ms=times[0],
            rtt_max_ms=max(times),
            instance=None if said["nsid_hex"] is None else
            as_text(bytes.fromhex(said["nsid_hex"])), **said)
        return result

    def row(self, vp, af, flow=None):
        node = self.state["nodes"][vp]
        address = self.state["service"]["v%d" % af]
        paths = [self.outcome(vp, af, path, flow) for path in
                 self.walk(vp, address, node["v%d" % af], flow)]
        row = {"vp": vp, "af": af, "address": address, "nsid_hex": None,
               "hostname_bind": None, "id_server": None, "chaos_hex": None,
               "mode": {}}
        row.update(paths[0])
        row["instances"] = sorted({p["instance"] for p in paths
                                   if p["instance"] is not None})
        row["sites"] = sorted({p["site"] for p in paths if p["site"]})
        row["ambiguous"] = len({p["node"] for p in paths}) > 1
        if row["ambiguous"]:
            row.update(dict.fromkeys((
                "node", "site", "server", "instance", "nsid_hex",
                "hostname_bind", "id_server")))
        if len(paths) > 1:
            row["paths"] = paths
        return row

    def truth(self, flow=None, vps=None):
        names = vps or [n for n in self.state["nodes"]
                        if self.state["nodes"][n]["kind"] == "vp"]
        return [self.row(vp, af, flow) for vp in names for af in (4, 6)]


def as_text(data):
    """Printable ASCII as it is, all else as DNS writes it."""
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else "\\%03d" % b
                   for b in data)


def parse_flow(text):
    """sport=N,dport=N,proto=udp"""
    words = dict(word.split("=", 1) for word in text.split(",") if word)
    unknown = set(words) - {"sport", "dport", "proto"}
    if unknown:
        raise ValueError("unknown %s" % ", ".join(sorted(unknown)))
    return (PROTOCOLS[words.get("proto", "udp")], int(words["sport"]),
            int(words.get("dport", 53)))
