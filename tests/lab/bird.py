"""BIRD: configurations, and questions to the running ones."""

import os
import re
import socket

HEAD = """log "bird.log" all;
router id {router_id};
protocol device {{ scan time 60; }}
protocol kernel kernel4 {{
	scan time 3600;
	{merge}ipv4 {{ import none; export filter to_kernel; }};
}}
protocol kernel kernel6 {{
	scan time 3600;
	{merge}ipv6 {{ import none; export filter to_kernel; }};
}}
"""

FILTERS = """filter to_kernel {
	if source = RTS_BGP || source = RTS_STATIC then accept;
	reject;
}
filter from_customer { bgp_local_pref = 200; accept; }
filter from_peer { bgp_local_pref = 150; accept; }
filter from_provider { bgp_local_pref = 100; accept; }
filter to_customer { accept; }
filter to_other {
	if source = RTS_BGP && bgp_local_pref < 200 then reject;
	accept;
}
"""

STUBS = """protocol direct stubs {
	check link yes;
	ipv4;
	ipv6;
	interface "vp*", "collector";
}
"""

SESSION = """protocol bgp {name} {{
	local {local} as {asn};
	neighbor {peer} as {peer_asn};
	direct;
	{passive}check link yes;
	hold time 240;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	ipv{af} {{
		import filter {take};
		export filter {give};
	}};
}}
"""


def address(text):
    return text.split("/")[0]


def sessions(state, name):
    """(session name, link, side, af) of a node, rogue's ports included."""
    for link in state["links"]:
        if link["relation"] == "stub" or name not in (link["a"], link["b"]):
            continue
        side = "a" if link["a"] == name else "b"
        other = link["b" if side == "a" else "a"]
        for af in link["af"]:
            yield "b%d_%s" % (af, other), link, side, af


def expected(state, name):
    """The sessions of a node that should be established."""
    return {session for session, link, _, _ in sessions(state, name)
            if link["up"]}


def filters_for(link, side, kind):
    """What to take from and give to the other end."""
    if link["relation"] == "peer":
        return "from_peer", "to_other"
    if side == "a":
        return "from_provider", "to_other" if kind == "router" else "to_up"
    return "from_customer", "to_customer"


def session_text(state, name, session, link, side, af):
    node = state["nodes"][name]
    other = "b" if side == "a" else "a"
    take, give = filters_for(link, side, node["kind"])
    if give == "to_up":
        give = "to_up%d" % af
    return SESSION.format(
        name=session, local=address(link["%s%d" % (side, af)]),
        asn=node["asn"], peer=address(link["%s%d" % (other, af)]),
        peer_asn=state["nodes"][link[other]]["asn"],
        passive="passive yes; " if side == "b" else "",
        af=af, take=take, give=give)


def origins(state, name):
    """af: prefixes that a site or the rogue announces now."""
    node = state["nodes"][name]
    service = state["service"]
    if node["kind"] == "rogue":
        return (state["hijack"] or {}).get("prefixes", {"4": [], "6": []})
    return {str(af): [service["prefix%d" % af]] *
            (af not in node["withdrawn"]) + [node["prefix%d" % af]]
            for af in (4, 6)}


def origin_text(state, name):
    """Static routes, and filters that say where they may go."""
    node = state["nodes"][name]
    text = ""
    for af, prefixes in origins(state, name).items():
        # held even when not announced, so that nothing else is followed
        held = set(prefixes)
        if node["kind"] == "site":
            held.add(state["service"]["prefix" + af])
        text += "protocol static own%s {\n\tipv%s;\n" % (af, af)
        for prefix in sorted(held):
            text += "\troute %s blackhole;\n" % prefix
        text += "}\nfilter to_up%s {\n" % af
        if node.get("forge_origin"):
            text += "\tbgp_path.prepend(%d);\n" % state["service"]["asn"]
        if prefixes:
            text += "\tif source = RTS_STATIC && net ~ [%s] then {\n" % \
                ", ".join(prefixes)
            if node.get("prepend"):
                text += "\t\tif net = %s then {\n%s\t\t}\n" % (
                    state["service"]["prefix" + af],
                    "\t\t\tbgp_path.prepend(%d);\n" % node["asn"] *
                    node["prepend"])
            text += "\t\taccept;\n\t}\n"
        text += "\treject;\n}\n"
    return text


def config(state, name):
    node = state["nodes"][name]
    merge = "merge paths on;\n\t" if state["ecmp"] else ""
    head = HEAD.format(router_id=node["router_id"], merge=merge)
    log, rest = head.split("\n", 1)
    text = log + "\n" + FILTERS + rest
    text += STUBS if node["kind"] == "router" else origin_text(state, name)
    for session in sessions(state, name):
        text += session_text(state, name, *session)
    return text


def write_config(lab, state, name):
    os.makedirs(lab.file(name), exist_ok=True)
    with open(lab.file(name, "bird.conf"), "w") as file:
        file.write(config(state, name))


def start(lab, state, name):
    """In the namespace that we are in."""
    write_config(lab, state, name)
    # relative names: the path of a socket has at most 108 bytes
    lab.spawn("bird-" + name, ["bird", "-f", "-c", "bird.conf", "-s",
                               "bird.ctl", "-P", "bird.pid"], lab.file(name))


def ask(lab, name, command):
    """What birdc would show; raises OSError where BIRD does not run."""
    home = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(5)
        try:
            os.chdir(lab.file(name))
            control.connect("bird.ctl")
        finally:
            os.fchdir(home)
            os.close(home)
        answer_end = re.compile(rb"(^|\n)[089]\d{3} [^\n]*\n$")
        read_answer(control, answer_end)
        control.sendall(command.encode() + b"\n")
        return read_answer(control, answer_end)


def read_answer(control, end):
    answer = b""
    while not end.search(answer):
        data = control.recv(65536)
        if not data:
            raise OSError("bird closed its socket")
        answer += data
    return answer.decode("utf-8", "replace")


def established(lab, name):
    shown = ask(lab, name, "show protocols")
    return set(re.findall(r"(b[46]_\w+)\s+BGP\s.*Established", shown))


def configure(lab, state, name):
    write_config(lab, state, name)
    shown = ask(lab, name, "configure")
    if not re.search(r"^00(03|04) |Reconfigur", shown, re.M):
        raise OSError("bird of %s: %s" % (name, shown.strip()))
