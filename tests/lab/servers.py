"""The name servers of the sites: NSD, Knot, BIND, Unbound, or, for what none
of them can be made to say, responder.py."""

import contextlib
import json
import os
import socket
import struct
import time

import netns

FILE = os.path.abspath(__file__)

ZONE = """$ORIGIN {zone}.
$TTL 300
@	IN SOA ns.{zone}. hostmaster.{zone}. {serial} 3600 600 86400 300
@	IN NS ns.{zone}.
@	IN TXT "an anycast service in a laboratory"
ns	IN A {v4}
ns	IN AAAA {v6}
www	IN A {v4}
www	IN AAAA {v6}
whoami	IN TXT "{code}"
"""


def quoted(text):
    return '"%s"' % text


def nsd(node, listen):
    name, nsid = chaos_names(node)["hostname_bind"], nsid_bytes(node)
    lines = ["server:", '\tusername: ""', '\tchroot: ""', '\tdatabase: ""',
             '\tzonesdir: "."', '\txfrdir: "."',
             '\txfrdfile: "xfrd.state"', '\tzonelistfile: "zone.list"',
             '\tlogfile: "nsd.log"', '\tpidfile: "nsd.pid"',
             "\tserver-count: 1", "\trrl-ratelimit: 0",
             "\trrl-whitelist-ratelimit: 0"]
    lines += ["\tip-address: " + address for address in listen]
    if name is None:
        lines += ["\thide-identity: yes", "\thide-version: yes"]
    else:
        lines.append("\tidentity: " + quoted(name))
    if nsid is not None:
        lines.append("\tnsid: " + quoted(nsid.hex()))
    lines += ["remote-control:", "\tcontrol-enable: no",
              "zone:", "\tname: {zone}", '\tzonefile: "zone"']
    return ["nsd", "-d", "-c", "nsd.conf"], lines


def knot(node, listen):
    names, nsid = node["names"], nsid_bytes(node)
    lines = ["server:", "    rundir: .", "    pidfile: knot.pid",
             "    udp-workers: 1", "    tcp-workers: 1",
             "    background-workers: 1",
             "    identity: " + quoted(names["hostname_bind"] or "")]
    lines.append("    nsid: " + ('""' if nsid is None
                                 else "0x" + nsid.hex()))
    lines += ["    listen: %s@53" % address for address in listen]
    lines += ["log:", "  - target: knot.log", "    any: info",
              "database:", "    storage: .", "control:",
              "    listen: knot.sock", "template:", "  - id: default",
              "    storage: .", "    zonefile-sync: -1",
              "    journal-content: none",
              "zone:", "  - domain: {zone}", "    file: zone"]
    return ["knotd", "-c", "knot.conf"], lines


def bind(node, listen):
    names = node["names"]
    lines = ["options {{", '\tdirectory ".";', '\tpid-file "named.pid";',
             "\tsession-keyfile none;", "\trecursion no;",
             "\tdnssec-validation no;", "\tautomatic-interface-scan no;",
             "\tinterface-interval 0;",
             '\tmanaged-keys-directory ".";', "\tnotify no;",
             "\thostname %s;" % (quoted(names["hostname_bind"])
                                 if names["hostname_bind"] else "none"),
             "\tserver-id %s;" % (quoted(names["nsid"])
                                  if names["nsid"] else "none"),
             "\tlisten-on {{ %s }};" % "".join(
                 a + "; " for a in listen if ":" not in a),
             "\tlisten-on-v6 {{ %s }};" % "".join(
                 a + "; " for a in listen if ":" in a),
             "}};", "controls {{ }};",
             'logging {{ channel file {{ file "named.log"; }};',
             "\tcategory default {{ file; }}; }};",
             'view "names" {{', '\tmatch-clients {{ any; }};',
             '\tzone "{zone}" {{ type primary; file "zone"; }};', "}};",
             'view "identity" chaos {{', "\tmatch-clients {{ any; }};"]
    # BIND's own view answers a /24 three times a second, and all vantage
    # points are in one
    lines += ['\tzone "%s" chaos {{ type primary; database "_builtin %s"; }};'
              % pair for pair in (("version.bind", "version"),
                                  ("hostname.bind", "hostname"),
                                  ("authors.bind", "authors"),
                                  ("id.server", "id"))] + ["}};"]
    return ["named", "-f", "-n", "1", "-c", "named.conf"], lines


def unbound(node, listen):
    name, nsid = chaos_names(node)["hostname_bind"], nsid_bytes(node)
    lines = ["server:", '\tusername: ""', '\tchroot: ""', '\tdirectory: "."',
             '\tpidfile: "unbound.pid"', '\tlogfile: "unbound.log"',
             "\tuse-syslog: no", "\tdo-daemonize: no", "\tnum-threads: 1",
             '\tmodule-config: "iterator"', "\tmsg-cache-size: 1m",
             "\trrset-cache-size: 1m", "\taccess-control: 0.0.0.0/0 allow",
             "\taccess-control: ::0/0 allow",
             '\tlocal-zone: "test." nodefault']
    lines += ["\tinterface: " + address for address in listen]
    if name is None:
        lines += ["\thide-identity: yes", "\thide-version: yes"]
    else:
        lines.append("\tidentity: " + quoted(name))
    if nsid is not None:
        lines.append("\tnsid: " + quoted(nsid.hex()))
    lines += ["remote-control:", "\tcontrol-enable: no", "auth-zone:",
              "\tname: {zone}", '\tzonefile: "zone"', "\tfor-upstream: no",
              "\tfor-downstream: yes", "\tfallback-enabled: no"]
    return ["unbound", "-d", "-c", "unbound.conf"], lines


REAL = {"nsd": (nsd, "nsd.conf"), "knot": (knot, "knot.conf"),
        "bind": (bind, "named.conf"), "unbound": (unbound, "unbound.conf")}


def nsid_bytes(node):
    """What NSID carries: an instance name, or bytes given as hex."""
    if node["mode"].get("no_nsid"):
        return None
    if node["mode"].get("nsid_hex") is not None:
        return bytes.fromhex(node["mode"]["nsid_hex"])
    name = node["names"]["nsid"]
    return None if name is None else name.encode()


def chaos_names(node):
    """hostname.bind and id.server as configured, None where not said."""
    names = node["names"]
    if node["mode"].get("chaos") == "refused":
        return {"hostname_bind": None, "id_server": None}
    return {key: names[key] for key in ("hostname_bind", "id_server")}


def needs_responder(node):
    """No real server is asked for what it might say in its own way."""
    mode, server = node["mode"], node["server"]
    if set(mode) - {"nsid_hex", "no_nsid", "chaos", "serial"}:
        return True
    if "chaos" in mode and server not in ("nsd", "unbound"):
        return True
    if "nsid_hex" in mode:  # 512: Knot and Unbound take no more
        return server == "bind" or not 0 < len(mode["nsid_hex"]) < 512
    return server == "bind" and "no_nsid" in mode


def addresses(state, name):
    node = state["nodes"][name]
    service = state["service"]
    found = [service["v4"], service["v6"], node["v4"], node["v6"]]
    return [address for address in found if address]


def write_zone(state, node, path):
    serial = node["mode"].get("serial", state["serial"])
    with open(path, "w") as file:
        file.write(ZONE.format(serial=serial, code=node["code"],
                               **{key: state["service"][key]
                                  for key in ("zone", "v4", "v6")}))


def start(lab, state, name):
    """In the namespace that we are in."""
    node = state["nodes"][name]
    folder = lab.file(name, "server")
    os.makedirs(folder, exist_ok=True)
    # Knot takes a dead process that nobody has waited for for a live one
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, "knot.pid"))
    write_zone(state, node, os.path.join(folder, "zone"))
    listen = addresses(state, name)
    if needs_responder(node):
        command = start_responder(state, node, listen, folder)
    else:
        render, file_name = REAL[node["server"]]
        command, lines = render(node, listen)
        # NSID may hold any bytes, but only as hex; braces stay unharmed
        text = "\n".join(lines).replace("{zone}", state["service"]["zone"])
        text = text.replace("{{", "{").replace("}}", "}")
        with open(os.path.join(folder, file_name), "w") as file:
            file.write(text + "\n")
    lab.spawn("server-" + name, command, folder)


def start_responder(state, node, listen, folder):
    nsid = nsid_bytes(node)
    options = {
        "listen": listen, "zone": state["service"]["zone"],
        "serial": node["mode"].get("serial", state["serial"]),
        "code": node["code"], "nsid_hex": None if nsid is None
        else nsid.hex(), "mode": node["mode"],
        "chaos_hex": {key: None if value is None else value.encode().hex()
                      for key, value in chaos_names(node).items()},
    }
    with open(os.path.join(folder, "responder.json"), "w") as file:
        json.dump(options, file)
    return ["/usr/bin/python3", "-IS",
            os.path.join(os.path.dirname(FILE), "responder.py"),
            "responder.json"]


def listens(path, address, _, patience_s):
    """Does the server in this namespace, which answers nothing, listen?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with netns.inside(path):
            stream = socket.socket(family, socket.SOCK_STREAM)
        with stream, contextlib.suppress(OSError):
            stream.settimeout(0.25)
            stream.connect((address, 53))
            return True
        time.sleep(0.01)
    return False


def answers(path, address, zone, patience_s):
    """Does the server in this namespace answer an SOA query?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with netns.inside(path):
        probe = socket.socket(family, socket.SOCK_DGRAM)
    labels = b"".join(bytes([len(x)]) + x.encode() for x in zone.split("."))
    query = struct.pack("!6H", 0x1ab, 0, 1, 0, 0, 0) + labels + \
        b"\0" + struct.pack("!HH", 6, 1)
    deadline = time.monotonic() + patience_s
    with probe:
        probe.settimeout(0.25)
        probe.connect((address, 53))
        while time.monotonic() < deadline:
            try:
                probe.send(query)
                reply = probe.recv(4096)
                # NSD and BIND listen a moment before their zone is there
                if reply[3] & 15 == 0 and (reply[7] or reply[2] & 2):
                    return True
            except TimeoutError:
                continue
            except OSError:
                pass
            time.sleep(0.01)
    return False
