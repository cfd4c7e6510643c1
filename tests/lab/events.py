"""What may happen in a lab. Each event changes the state, makes it so in
the namespaces, and returns when routing has settled."""

import re

import bird
import lifecycle
import netns
import servers
from labdir import LabError

SETTLE_S = 15


def site_named(state, word):
    """A site by its node's name or its code."""
    for name, node in state["nodes"].items():
        if node["kind"] == "site" and word in (name, node["code"]):
            return name
    raise LabError("no site %s; lab nodes lists them" % word)


def node_named(state, word):
    if word in state["nodes"]:
        return word
    return site_named(state, word)


def link_between(state, a, b):
    a, b = node_named(state, a), node_named(state, b)
    found = [(number, link) for number, link in enumerate(state["links"])
             if {link["a"], link["b"]} == {a, b}]
    if not found:
        raise LabError("no link between %s and %s" % (a, b))
    return found


def ways(link, options):
    """Both directions, or only that from the node that was named first."""
    if not options.one_way:
        return (0, 1)
    return (0,) if link["a"] == options.a else (1,)


def settle(lab, state, act):
    """The state is written first: if we die in between, what was wanted
    is known, and asking again makes it so."""
    lab.save(state)
    if not lifecycle.settle(lab, state, SETTLE_S, act):
        raise LabError("routing did not settle in %d s" % SETTLE_S)


def reconfigure(lab, state, name):
    settle(lab, state, lambda: bird.configure(lab, state, name))


def families(options):
    return {options.af} if options.af else {4, 6}


def withdraw(lab, state, options):
    name = site_named(state, options.site)
    node = state["nodes"][name]
    node["withdrawn"] = sorted(set(node["withdrawn"]) | families(options))
    reconfigure(lab, state, name)


def announce(lab, state, options):
    name = site_named(state, options.site)
    node = state["nodes"][name]
    node["withdrawn"] = sorted(set(node["withdrawn"]) - families(options))
    reconfigure(lab, state, name)


def prepend(lab, state, options):
    name = site_named(state, options.site)
    state["nodes"][name]["prepend"] = options.times
    reconfigure(lab, state, name)


def carrier(lab, state, links, up):
    def act():
        for number, link in links:
            lifecycle.relay_set(lab, number, 0, "carrier", int(up))
    for _, link in links:
        link["up"] = up
    settle(lab, state, act)


def link_down(lab, state, options):
    carrier(lab, state, link_between(state, options.a, options.b), False)


def link_up(lab, state, options):
    carrier(lab, state, link_between(state, options.a, options.b), True)


def silent(lab, state, options):
    """A vantage point, or another host, is cut off."""
    name = node_named(state, options.node)
    links = [(number, link) for number, link in enumerate(state["links"])
             if link["relation"] == "stub" and name == link["a"]]
    if not links:
        raise LabError("%s is not a vantage point" % name)
    carrier(lab, state, links, options.off)


def shape(lab, state, options, what, value):
    """Routing does not see this: nothing to settle."""
    for number, link in link_between(state, options.a, options.b):
        for way in ways(link, options):
            link[what][way] = value
            lifecycle.relay_set(lab, number, way, what, value)
    lab.save(state)


def latency(lab, state, options):
    shape(lab, state, options, "delay_ns", int(options.ms * 1e6))


def jitter(lab, state, options):
    shape(lab, state, options, "jitter_ns", int(options.ms * 1e6))


def loss(lab, state, options):
    if not 0 <= options.percent <= 100:
        raise LabError("loss is 0 to 100 percent")
    shape(lab, state, options, "loss_ppm", int(options.percent * 1e4))


def restart_server(lab, state, name):
    lab.kill("server-" + name)
    with netns.inside(lab.netns(name)):
        servers.start(lab, state, name)
    lab.save(state)
    lifecycle.wait_server(lab, state, name, 10)


def set_mode(lab, state, options, **mode):
    """Change what the server of a site does; None takes a mode back."""
    name = site_named(state, options.site)
    node = state["nodes"][name]
    node["mode"].update(mode)
    node["mode"] = {key: value for key, value in node["mode"].items()
                    if value is not None}
    restart_server(lab, state, name)


def dead(lab, state, options):
    """Still announced: its host answers with port unreachable."""
    lab.kill("server-" + site_named(state, options.site))


def revive(lab, state, options):
    """A live server at its address with its own name, and announced."""
    name = site_named(state, options.site)
    node = state["nodes"][name]
    node["mode"] = {}
    with netns.inside(lab.netns(name)):
        lines = lifecycle.lo_lines(servers.addresses(state, name), "replace")
        netns.ip_batch(lines)
    restart_server(lab, state, name)


def blackhole(lab, state, options):
    """Announced, and packets vanish there: the site's own null route takes
    them when the address is gone."""
    name = site_named(state, options.site)
    with netns.inside(lab.netns(name)):
        for af in sorted(families(options)):
            address = state["service"]["v%d" % af]
            if lifecycle.is_local(lab, name, address):
                netns.ip_batch(lifecycle.lo_lines([address], "del"))


def identity(lab, state, options):
    """Bytes as NSID, as CHAOS text, or as both."""
    if options.restore:
        return set_mode(lab, state, options, nsid_hex=None, chaos_hex=None,
                        no_nsid=None)
    if options.none:
        return set_mode(lab, state, options, no_nsid=True)
    text = options.text.encode().hex() if options.text is not None \
        else options.hex
    if text is None:
        raise LabError("identity wants --hex, --text, --none or --restore")
    text = text.replace(":", "").replace(" ", "").lower()
    if not re.fullmatch(r"([0-9a-f]{2})*", text) or len(text) > 2400:
        raise LabError("--hex wants up to 1,200 bytes, two digits each")
    mode = {}
    if options.where in ("nsid", "both"):
        mode["nsid_hex"] = text
    if options.where in ("chaos", "both"):
        mode["chaos_hex"] = text
    return set_mode(lab, state, options, **mode)


def chaos_refused(lab, state, options):
    set_mode(lab, state, options, chaos=None if options.off else "refused")


def slow(lab, state, options):
    set_mode(lab, state, options, slow_ms=options.ms or None)


def truncate(lab, state, options):
    set_mode(lab, state, options, tc=None if options.off else True)


def mute(lab, state, options):
    set_mode(lab, state, options, silent=None if options.off else True)


def serial(lab, state, options):
    set_mode(lab, state, options, serial=options.number)


def ratelimit(lab, state, options):
    """The kernels' own limits on ICMP errors, or none again."""
    limit = 0 if options.off else 1000
    burst = (1000000, 1000000) if options.off else (1000, 50)
    with netns.inside(lab.netns(node_named(state, options.node))):
        netns.sysctl({"ipv4/icmp_ratelimit": limit,
                      "ipv6/icmp/ratelimit": limit,
                      "ipv4/icmp_msgs_per_sec": burst[0],
                      "ipv4/icmp_msgs_burst": burst[1]})


def network_of(state, word):
    """The router that a rogue connects to: itself, a vantage point's, that
    of a site, or one named by its AS number."""
    for name, node in state["nodes"].items():
        if node["kind"] == "router" and word in (
                name, str(node["asn"]), "AS%d" % node["asn"]):
            return name
    node = state["nodes"][node_named(state, word)]
    if "access" not in node:
        raise LabError("%s is neither a network nor a vantage point" % word)
    return node["access"]


def more_specific(prefix):
    """The half that holds the service's address: /25, /49."""
    address, bits = prefix.split("/")
    return "%s/%d" % (address, int(bits) + 1)


def hijack(lab, state, options):
    if state["hijack"]:
        raise LabError("one hijack at a time: unhijack first")
    if not options.name and not options.no_name:
        raise LabError("hijack wants --name NAME or --no-name")
    router = network_of(state, options.where)
    rogue = state["nodes"]["rogue"]
    rogue["names"] = {key: options.name for key in
                      ("nsid", "hostname_bind", "id_server")}
    change = more_specific if options.more_specific else lambda p: p
    state["hijack"] = {"at": router, "prefixes": {
        str(af): [change(state["service"]["prefix%d" % af])]
        if af in families(options) else [] for af in (4, 6)}}
    rogue["forge_origin"] = options.forge_origin
    state["links"][link_between(state, "rogue", router)[0][0]]["up"] = True
    lab.save(state)
    with netns.inside(lab.netns("rogue")):
        netns.ip_batch(lifecycle.lo_lines(
            servers.addresses(state, "rogue"), "replace"))
        servers.start(lab, state, "rogue")
        lifecycle.wait_server(lab, state, "rogue", 10)

        def act():
            bird.start(lab, state, "rogue")
            carrier_only(lab, state, router, 1)
        settle(lab, state, act)


def carrier_only(lab, state, router, up):
    number, link = link_between(state, "rogue", router)[0]
    link["up"] = bool(up)
    lifecycle.relay_set(lab, number, 0, "carrier", up)


def unhijack(lab, state, options):
    if not state["hijack"]:
        return
    router = state["hijack"]["at"]
    state["hijack"] = None
    lab.kill("bird-rogue")

    def act():
        carrier_only(lab, state, router, 0)
        lab.save(state)
    settle(lab, state, act)
    lab.kill("server-rogue")
    with netns.inside(lab.netns("rogue")):
        netns.ip_batch(["addr flush dev lo scope global"])


SITE, NODE = ("site", {}), ("node", {})
LINK = [("a", {}), ("b", {})]
AF = ("--af", {"type": int, "choices": (4, 6)})
OFF = ("--off", {"action": "store_true", "help": "take it back"})
ONE_WAY = ("--one-way", {"action": "store_true", "help": "only from A to B"})
MS = ("ms", {"type": float})

EVENTS = (
    ("withdraw", withdraw, "a site stops announcing", [SITE, AF]),
    ("announce", announce, "a site announces again", [SITE, AF]),
    ("prepend", prepend, "a site's path gets longer by N", [
        SITE, ("times", {"type": int, "choices": range(11),
                         "metavar": "N"})]),
    ("link-down", link_down, "a link loses its carrier", LINK),
    ("link-up", link_up, "it has it again", LINK),
    ("latency", latency, "the delay of a link, one way", LINK + [MS, ONE_WAY]),
    ("jitter", jitter, "up to MS more for each packet", LINK + [MS, ONE_WAY]),
    ("loss", loss, "a link loses packets (never ARP and ND)", LINK + [
        ("percent", {"type": float}), ONE_WAY]),
    ("hijack", hijack, "a rogue network announces the prefix as a customer "
     "of a network, or of a vantage point's network", [
         ("where", {}), ("--name", {"help": "what its server calls itself"}),
         ("--no-name", {"action": "store_true",
                        "help": "no NSID, CHAOS refused"}),
         ("--more-specific", {"action": "store_true",
                              "help": "a /25 and a /49"}),
         ("--forge-origin", {"action": "store_true", "help":
                             "the path ends in the true origin"}), AF]),
    ("unhijack", unhijack, "the rogue is gone", []),
    ("dead", dead, "the server is killed; still announced", [SITE]),
    ("revive", revive, "undo all that was done to a site's server", [SITE]),
    ("blackhole", blackhole, "announced, and packets vanish", [SITE, AF]),
    ("identity", identity, "a server says these bytes", [
        SITE, ("--hex", {}), ("--text", {}),
        ("--none", {"action": "store_true", "help": "no NSID option"}),
        ("--where", {"choices": ("nsid", "chaos", "both"),
                     "default": "nsid"}),
        ("--restore", {"action": "store_true"})]),
    ("chaos-refused", chaos_refused, "CHAOS questions are refused",
     [SITE, OFF]),
    ("slow", slow, "UDP answers come MS later (0: no more)", [SITE, MS]),
    ("tc", truncate, "UDP answers are truncated", [SITE, OFF]),
    ("mute", mute, "the server takes queries and never answers",
     [SITE, OFF]),
    ("serial", serial, "a site's zone has another serial", [
        SITE, ("number", {"type": int})]),
    ("ratelimit", ratelimit, "a node limits its ICMP errors as kernels do",
     [NODE, OFF]),
    ("silent", silent, "a vantage point is cut off", [NODE, OFF]),
)


def add_arguments(parser):
    kinds = parser.add_subparsers(dest="event", required=True,
                                  metavar="EVENT")
    for name, happen, text, arguments in EVENTS:
        one = kinds.add_parser(name, help=text, description=text)
        one.set_defaults(happen=happen)
        for argument, options in arguments:
            one.add_argument(argument, **options)


def run(lab, state, options):
    options.happen(lab, state, options)
