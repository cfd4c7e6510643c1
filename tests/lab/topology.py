"""Draw a lab from a seed: places, networks, links, addresses, names."""

import math
import random

ANYCAST_ASN = 64500
ROGUE_ASN = 64511
SERVICE = {
    "name": "anycast-lab",
    "zone": "anycast.test",
    "v4": "203.0.113.53",
    "v6": "2001:db8:53::53",
    "prefix4": "203.0.113.0/24",
    "prefix6": "2001:db8:53::/48",
    "asn": ANYCAST_ASN,
}
DELAY_MIN_NS = 200000
SERVERS = ("nsd", "knot", "bind", "unbound")

# city: airport code, country, region (UN M49), latitude, longitude
CITIES = {
    "Amsterdam": ("ams", "NL", "Western Europe", 52.37, 4.90),
    "Frankfurt": ("fra", "DE", "Western Europe", 50.11, 8.68),
    "Paris": ("cdg", "FR", "Western Europe", 48.86, 2.35),
    "Vienna": ("vie", "AT", "Western Europe", 48.21, 16.37),
    "Zurich": ("zrh", "CH", "Western Europe", 47.38, 8.54),
    "London": ("lhr", "GB", "Northern Europe", 51.51, -0.13),
    "Stockholm": ("arn", "SE", "Northern Europe", 59.33, 18.07),
    "Dublin": ("dub", "IE", "Northern Europe", 53.35, -6.26),
    "Madrid": ("mad", "ES", "Southern Europe", 40.42, -3.70),
    "Milan": ("mxp", "IT", "Southern Europe", 45.46, 9.19),
    "Warsaw": ("waw", "PL", "Eastern Europe", 52.23, 21.01),
    "Prague": ("prg", "CZ", "Eastern Europe", 50.08, 14.44),
    "Ashburn": ("iad", "US", "Northern America", 39.04, -77.49),
    "New York": ("jfk", "US", "Northern America", 40.71, -74.01),
    "Chicago": ("ord", "US", "Northern America", 41.88, -87.63),
    "Dallas": ("dfw", "US", "Northern America", 32.78, -96.80),
    "Seattle": ("sea", "US", "Northern America", 47.61, -122.33),
    "Toronto": ("yyz", "CA", "Northern America", 43.65, -79.38),
    "Sao Paulo": ("gru", "BR", "South America", -23.55, -46.63),
    "Buenos Aires": ("eze", "AR", "South America", -34.60, -58.38),
    "Santiago": ("scl", "CL", "South America", -33.45, -70.67),
    "Bogota": ("bog", "CO", "South America", 4.71, -74.07),
    "Johannesburg": ("jnb", "ZA", "Southern Africa", -26.20, 28.05),
    "Cape Town": ("cpt", "ZA", "Southern Africa", -33.92, 18.42),
    "Nairobi": ("nbo", "KE", "Eastern Africa", -1.29, 36.82),
    "Lagos": ("los", "NG", "Western Africa", 6.52, 3.38),
    "Tokyo": ("nrt", "JP", "Eastern Asia", 35.68, 139.69),
    "Seoul": ("icn", "KR", "Eastern Asia", 37.57, 126.98),
    "Taipei": ("tpe", "TW", "Eastern Asia", 25.03, 121.57),
    "Hong Kong": ("hkg", "HK", "Eastern Asia", 22.32, 114.17),
    "Singapore": ("sin", "SG", "South-eastern Asia", 1.35, 103.82),
    "Jakarta": ("cgk", "ID", "South-eastern Asia", -6.21, 106.85),
    "Bangkok": ("bkk", "TH", "South-eastern Asia", 13.76, 100.50),
    "Mumbai": ("bom", "IN", "Southern Asia", 19.08, 72.88),
    "Dubai": ("dxb", "AE", "Western Asia", 25.20, 55.27),
    "Sydney": ("syd", "AU", "Australia and New Zealand", -33.87, 151.21),
    "Melbourne": ("mel", "AU", "Australia and New Zealand", -37.81, 144.96),
    "Auckland": ("akl", "NZ", "Australia and New Zealand", -36.85, 174.76),
}

# networks of the world: where each may stand
TIER1 = {
    "t1a": ("Frankfurt", "Paris", "London"),
    "t1b": ("Ashburn", "New York", "Chicago"),
    "t1c": ("Hong Kong", "Singapore", "Tokyo"),
}
REGIONAL = {
    "eu": ("Amsterdam", "Frankfurt", "London", "Paris"),
    "na": ("Chicago", "Dallas", "New York", "Seattle"),
    "sa": ("Sao Paulo", "Buenos Aires", "Santiago"),
    "af": ("Johannesburg", "Cape Town", "Nairobi"),
    "se": ("Singapore", "Jakarta", "Bangkok"),
    "ea": ("Tokyo", "Seoul", "Taipei"),
    "oc": ("Sydney", "Melbourne", "Auckland"),
}
PEERINGS = (("eu", "na"), ("eu", "af"), ("eu", "se"), ("na", "sa"),
            ("na", "ea"), ("se", "oc"), ("se", "ea"), ("ea", "oc"))
VP_REGIONS = (
    ("Western Europe",), ("Northern Europe",),
    ("Southern Europe", "Eastern Europe"),
    ("Northern America",), ("Northern America",), ("South America",),
    ("Southern Africa", "Eastern Africa", "Western Africa"),
    ("Eastern Asia",), ("South-eastern Asia", "Southern Asia",
                        "Western Asia"),
    ("Australia and New Zealand",),
)


def distance_km(a, b):
    """Great-circle distance of two nodes or places with lat and lon."""
    lat1, lat2 = math.radians(a["lat"]), math.radians(b["lat"])
    half_lat = (lat2 - lat1) / 2
    half_lon = math.radians(b["lon"] - a["lon"]) / 2
    h = (math.sin(half_lat) ** 2 +
         math.cos(lat1) * math.cos(lat2) * math.sin(half_lon) ** 2)
    return 2 * 6371 * math.asin(min(1, math.sqrt(h)))


class Drawing:
    """A lab under construction: nodes and links drawn by one generator."""

    def __init__(self, rng):
        self.rng = rng
        self.nodes = {}
        self.links = []
        self.stub_count = 0

    def node(self, name, kind, city, asn):
        code, country, region, lat, lon = CITIES[city]
        index = len(self.nodes) + 1
        self.nodes[name] = {
            "kind": kind, "index": index, "asn": asn, "city": city,
            "code": code, "country": country, "region": region,
            "lat": lat, "lon": lon,
            "router_id": "10.255.%d.%d" % (index // 250, index % 250),
        }
        return self.nodes[name]

    def delay_ns(self, a, b, extra_ms=0.0):
        """One way in fibre (2/3 c = 200 km/ms) with a drawn detour."""
        km = distance_km(self.nodes[a], self.nodes[b])
        ms = km / 200 * self.rng.uniform(1.2, 1.6) + extra_ms
        ms += self.rng.uniform(0, 0.3)
        return max(DELAY_MIN_NS, int(ms * 1e6))

    def link(self, a, b, relation, af=(4, 6), extra_ms=0.0, up=True):
        """relation: customer (a buys from b), peer, or stub (a hangs on b)"""
        k = len(self.links)
        delay = self.delay_ns(a, b, extra_ms)
        link = {
            "a": a, "b": b, "relation": relation, "af": list(af), "up": up,
            "a_if": "eth0" if relation == "stub" else b, "b_if": a,
            "a4": "100.64.%d.%d/31" % (k // 128, k % 128 * 2),
            "b4": "100.64.%d.%d/31" % (k // 128, k % 128 * 2 + 1),
            "a6": "2001:db8:ff00:%x::1/126" % k,
            "b6": "2001:db8:ff00:%x::2/126" % k,
            "delay_ns": [delay, delay], "jitter_ns": [0, 0],
            "loss_ppm": [0, 0],
        }
        self.links.append(link)
        return link

    def stub(self, name, access, extra_ms):
        """Hang a host on its access network, in a prefix of its own."""
        i = self.stub_count
        self.stub_count += 1
        link = self.link(name, access, "stub", extra_ms=extra_ms)
        net = "198.51.100.%d/29"
        link["a4"], link["b4"] = net % (8 * i + 2), net % (8 * i + 1)
        net = "2001:db8:%x::%d/64"
        link["a6"] = net % (0x1000 + i, 2)
        link["b6"] = net % (0x1000 + i, 1)
        node = self.nodes[name]
        node["asn"] = self.nodes[access]["asn"]
        node["access"] = access
        node["v4"] = link["a4"].split("/")[0]
        node["v6"] = link["a6"].split("/")[0]

    def site(self, name, city, server):
        """A site has its anycast addresses and one unicast of its own."""
        node = self.node(name, "site", city, ANYCAST_ASN)
        i = int(name[len("site"):])
        node["v4"] = "192.0.2.%d" % (8 * i + 1)
        node["prefix4"] = "192.0.2.%d/29" % (8 * i)
        node["v6"] = "2001:db8:a%x::53" % i
        node["prefix6"] = "2001:db8:a%x::/48" % i
        node["server"] = server
        node["withdrawn"] = []
        node["prepend"] = 0
        node["mode"] = {}
        return node

    def collector(self, access):
        self.node("collector", "collector", self.nodes[access]["city"], 0)
        self.stub("collector", access, 0.2)
        link = self.links[-1]
        link["a4"], link["b4"] = "192.0.2.250/29", "192.0.2.249/29"
        link["a6"], link["b6"] = "2001:db8:c0::2/64", "2001:db8:c0::1/64"
        node = self.nodes["collector"]
        node["v4"], node["v6"] = "192.0.2.250", "2001:db8:c0::2"

    def rogue(self):
        """A network that may hijack from a customer port of any router."""
        node = self.node("rogue", "rogue", "Hong Kong", ROGUE_ASN)
        node["router_id"] = "10.255.0.0"
        node["v4"], node["v6"] = None, None
        node["server"] = "nsd"
        node["mode"] = {}
        for name, other in list(self.nodes.items()):
            if other["kind"] == "router":
                link = self.link("rogue", name, "customer", up=False)
                delay = int(self.rng.uniform(1, 3) * 1e6)
                link["delay_ns"] = [delay, delay]


def nearest(nodes, place, names):
    return sorted(names, key=lambda name: distance_km(nodes[name], place))


def draw_transit(d):
    for i, (name, cities) in enumerate(TIER1.items()):
        d.node(name, "router", d.rng.choice(cities), 64496 + i)
    for i, (name, cities) in enumerate(REGIONAL.items()):
        d.node(name, "router", d.rng.choice(cities), 64501 + i)
    tier1 = list(TIER1)
    for i, a in enumerate(tier1):
        for b in tier1[i + 1:]:
            d.link(a, b, "peer")
    for name in REGIONAL:
        order = nearest(d.nodes, d.nodes[name], tier1)
        d.link(name, order[0], "customer")
        if d.rng.random() < 0.5:
            d.link(name, order[1], "customer")
    for a, b in d.rng.sample(PEERINGS, 4):
        d.link(a, b, "peer", d.rng.choice(((4, 6), (4, 6), (4,), (6,))))


def draw_sites(d):
    homes = ["eu", "na"] + d.rng.sample(["sa", "af", "se", "ea", "oc"], 3)
    d.rng.shuffle(homes)
    servers = list(SERVERS) + [d.rng.choice(SERVERS)]
    d.rng.shuffle(servers)
    elsewhere = d.rng.randrange(len(homes))
    for i, home in enumerate(homes):
        name = "site%d" % (i + 1)
        d.site(name, d.rng.choice(REGIONAL[home]), servers[i])
        second = d.rng.choice(list(TIER1))
        if i == elsewhere:  # in IPv6 this one buys from somebody else
            d.link(name, home, "customer", (4,))
            d.link(name, second, "customer", (6,))
            continue
        d.link(name, home, "customer")
        if d.rng.random() < 0.3:
            d.link(name, second, "customer")


def draw_vantage_points(d):
    taken = {node["city"] for node in d.nodes.values()
             if node["kind"] == "site"}
    for i, regions in enumerate(VP_REGIONS):
        cities = [c for c in CITIES
                  if CITIES[c][2] in regions and c not in taken]
        if not cities:
            cities = [c for c in CITIES if CITIES[c][2] in regions]
        city = d.rng.choice(cities)
        taken.add(city)
        name = "vp%d" % (i + 1)
        d.node(name, "vp", city, 0)
        order = nearest(d.nodes, d.nodes[name], REGIONAL)
        access = order[0] if d.rng.random() < 0.75 else order[1]
        d.stub(name, access, d.rng.uniform(0.3, 5))


def draw_world(rng):
    d = Drawing(rng)
    draw_transit(d)
    draw_sites(d)
    draw_vantage_points(d)
    d.collector(rng.choice(("eu", "na", "t1a", "t1b")))
    d.rogue()
    return d


def draw_ecmp(rng):
    """Left, a pair of equal paths that ends at two sites; right, a diamond
    that ends at one; a third network joins them and has two sites more."""
    d = Drawing(rng)
    places = (("mid", "Frankfurt"), ("left", "Amsterdam"),
              ("left1", "London"), ("left2", "Paris"),
              ("right", "New York"), ("right1", "Chicago"),
              ("right2", "Toronto"), ("join", "Dallas"),
              ("far", "Singapore"))
    for i, (name, city) in enumerate(places):
        d.node(name, "router", city, 64496 + i if i < 4 else 64497 + i)
    servers = list(SERVERS)
    rng.shuffle(servers)
    for i, city in enumerate(("London", "Paris", "Dallas", "Singapore")):
        d.site("site%d" % (i + 1), city, servers[i])
    for a, b in (("left", "left1"), ("left", "left2"), ("right", "right1"),
                 ("right", "right2")):
        d.link(b, a, "customer")
    for a, b in (("join", "right1"), ("join", "right2"), ("site1", "left1"),
                 ("site2", "left2"), ("site3", "join"), ("site4", "far"),
                 ("left", "mid"), ("right", "mid"), ("far", "mid")):
        d.link(a, b, "customer")
    cities = {"left": ("Dublin", "Stockholm", "Madrid"),
              "right": ("Seattle", "Ashburn", "Bogota"),
              "far": ("Jakarta", "Sydney")}
    number = 0
    for access, names in cities.items():
        for city in names:
            number += 1
            d.node("vp%d" % number, "vp", city, 0)
            d.stub("vp%d" % number, access, rng.uniform(0.3, 5))
    d.collector("mid")
    d.rogue()
    return d


def neighbours(state, name, af):
    """(neighbour, what it is to name) over the links that carry af."""
    opposite = {"customer": "provider", "provider": "customer",
                "peer": "peer"}
    for link in state["links"]:
        if af not in link["af"] or not link["up"]:
            continue
        role = "provider" if link["relation"] == "customer" else "peer"
        if link["relation"] == "stub":
            continue
        if link["a"] == name:
            yield link["b"], role
        elif link["b"] == name:
            yield link["a"], opposite[role]


def best_route(nodes, offers):
    """BIRD's order: preference, length, lowest router id."""
    preference = {"own": 3, "customer": 2, "peer": 1, "provider": 0}
    return min(offers, default=None, key=lambda offer: (
        -preference[offer[0]], len(offer[1]),
        [int(x) for x in nodes[offer[1][0]]["router_id"].split(".")]))


def predict(state, af):
    """Which site each router should choose: only for drawing; the truth
    is asked of the kernels. A route is (role of who told, path)."""
    nodes = state["nodes"]
    speakers = [n for n in nodes if nodes[n]["kind"] in ("router", "site")]
    best = {n: ("own", [n]) if nodes[n]["kind"] == "site" else None
            for n in speakers}
    for _ in range(len(speakers)):
        before = dict(best)
        for name in speakers:
            if nodes[name]["kind"] == "site":
                continue
            offers = []
            for other, role in neighbours(state, name, af):
                route = before.get(other)
                if route is None or name in route[1]:
                    continue
                if role != "customer" and \
                        route[0] not in ("own", "customer"):
                    # a peer or provider tells only of its customers,
                    # and a provider tells its customer everything
                    if role == "peer":
                        continue
                offers.append((role, route[1] if route[1][0] == other
                               else [other] + route[1]))
            best[name] = best_route(nodes, offers)
        if best == before:
            break
    return {n: best[n][1][-1] if best[n] else None for n in speakers}


def is_interesting(state):
    """IPv6 differs from IPv4 somewhere, someone is not at the nearest site,
    everyone reaches one, and three sites at least are in use."""
    nodes = state["nodes"]
    vps = [n for n in nodes.values() if n["kind"] == "vp"]
    sites = [n for n in nodes if nodes[n]["kind"] == "site"]
    at = {af: predict(state, af) for af in (4, 6)}
    chosen = {af: [at[af][vp["access"]] for vp in vps] for af in (4, 6)}
    if None in chosen[4] + chosen[6] or chosen[4] == chosen[6]:
        return False
    if min(len(set(chosen[af])) for af in (4, 6)) < 3:
        return False
    return any(chosen[4][i] != nearest(nodes, vp, sites)[0]
               for i, vp in enumerate(vps))


def name_sites(state, rng):
    """Draw a naming scheme, and sometimes another one for CHAOS."""
    schemes = ("ns{n}.{cc}-{code}.{zone}", "{code}{n}a", "{n}.{code}.pop",
               "auth{n}-{code}.{cc}.{zone}", "res{n}00.{code}.rrdns.{zone}")
    # one ends in the code, one begins with it, one has it in the middle
    matches = (("suffix", ".{cc}-{code}.{zone}"), ("prefix", "{code}"),
               ("regex", "^[0-9]+\\.{code}\\.pop$"),
               ("regex", "^auth[0-9]+-{code}\\."), ("exact", None))
    main, other = rng.sample(range(len(schemes)), 2)
    odd = rng.randrange(len(state["nodes"]))
    sitemap = []
    sites = [n for n in state["nodes"].values() if n["kind"] == "site"]
    for i, node in enumerate(sites):
        words = {"n": rng.randrange(1, 10), "cc": node["country"].lower(),
                 "code": node["code"], "zone": SERVICE["zone"]}
        chaos = other if i == odd % len(sites) else main
        nsid = schemes[main].format(**words)
        name = schemes[chaos].format(**words)
        node["names"] = {"nsid": nsid, "hostname_bind": name,
                         "id_server": nsid if node["server"] == "bind"
                         else name}
        for scheme in sorted({main, chaos}, key=(main, chaos).index):
            match, pattern = matches[scheme]
            pattern = (pattern or schemes[scheme]).format(**words)
            sitemap.append([SERVICE["name"], match, pattern, node["code"],
                            node["lat"], node["lon"]])
    state["sitemap"] = sitemap


TOPOLOGIES = {"world": draw_world, "ecmp": draw_ecmp}


def draw(name, seed):
    """The state of a lab: the same for the same name and seed."""
    rng = random.Random("%s %d" % (name, seed))
    for _ in range(1000):
        d = TOPOLOGIES[name](rng)
        state = {"topology": name, "seed": seed, "service": dict(SERVICE),
                 "ecmp": name == "ecmp", "nodes": d.nodes, "links": d.links,
                 "serial": 2024000000 + rng.randrange(1000000),
                 "hijack": None}
        codes = [n["code"] for n in d.nodes.values() if n["kind"] == "site"]
        if len(set(codes)) == len(codes) and \
                (name != "world" or is_interesting(state)):
            name_sites(state, rng)
            return state
    raise SystemExit("lab: no interesting %s for seed %d" % (name, seed))
