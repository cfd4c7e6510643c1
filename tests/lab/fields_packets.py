"""Packets as tshark dissects them, sorted by the record they belong to."""

import ipaddress

import probing

FIELDS = """frame.time_epoch ip.src ip.dst ip.ttl ip.dsfield.dscp ipv6.src
ipv6.dst ipv6.hlim ipv6.flow ipv6.tclass.dscp udp.srcport udp.dstport
udp.length udp.payload tcp.srcport tcp.dstport tcp.stream tcp.flags.syn
tcp.flags.ack tcp.reassembled.data tcp.payload icmp.type icmp.code icmp.ident
icmp.seq icmp.checksum icmpv6.type icmpv6.code icmpv6.echo.identifier
icmpv6.echo.sequence_number icmpv6.checksum icmp.mpls.label icmp.mpls.exp
icmp.mpls.s icmp.mpls.ttl dns.id dns.length dns.flags.response dns.flags.rcode
dns.flags.truncated dns.flags.authoritative dns.flags.recavail
dns.flags.authenticated dns.qry.name dns.qry.type dns.qry.class dns.resp.type
dns.resp.ext_rcode dns.soa.mname dns.soa.rname dns.soa.serial_number
dns.soa.refresh_interval dns.soa.retry_interval dns.soa.expire_limit
dns.soa.minimum_ttl dns.txt dns.opt.code dns.opt.data dns.opt.cookie.server
dns.opt.ext_error.info_code dns.opt.ext_error.extra_text""".split()
USUAL_TTL = 64


def integer(text):
    flags = {"True": 1, "False": 0}
    return flags[text] if text in flags else int(text, 0)


class Packet:
    def __init__(self, values):
        self.values = {k: v.split("|") for k, v in values.items() if v}
        self.time = float(values["frame.time_epoch"])
        self.af = 4 if "ip.src" in self.values else 6
        ip = "ip" if self.af == 4 else "ipv6"
        self.src, self.dst = (str(ipaddress.ip_address(
            self.values[ip + end][0])) for end in (".src", ".dst"))
        ttls = self.numbers("ip.ttl" if self.af == 4 else "ipv6.hlim")
        self.ttl, self.quoted_ttl = ttls[0], (ttls[1:] or [None])[0]
        self.label = self.number("ipv6.flow")
        self.dscp = self.number("ip.dsfield.dscp" if self.af == 4 else
                                "ipv6.tclass.dscp")
        icmp = self.numbers("icmp.type") + self.numbers("icmpv6.type")
        self.icmp = (icmp or [None])[0]
        self.proto = "icmp" if icmp else \
            "tcp" if "tcp.srcport" in self.values else "udp"
        self.sport, self.dport = (
            self.number("tcp." + end) or self.number("udp." + end)
            for end in ("srcport", "dstport"))
        self.icmp_id = self.either("icmp.ident", "icmpv6.echo.identifier")
        self.seq = self.either("icmp.seq", "icmpv6.echo.sequence_number")
        self.cksum = self.either("icmp.checksum", "icmpv6.checksum")
        self.id = self.number("dns.id")

    def numbers(self, field):
        return [integer(text) for text in self.values.get(field, ())]

    def number(self, field):
        return (self.numbers(field) or [None])[0]

    def either(self, *fields):
        return next((n for n in map(self.number, fields) if n is not None),
                    None)

    def flag(self, field):
        return self.number(field) == 1

    def is_request(self):
        return self.icmp in (8, 128) or \
            self.icmp is None and self.number("dns.flags.response") == 0

    def name(self):
        return self.values.get("dns.qry.name", [None])[0]

    def qname(self):
        return "." if self.name() == "<Root>" else self.name() + "."

    def rcode(self):
        return (self.number("dns.resp.ext_rcode") or 0) << 4 | \
            self.number("dns.flags.rcode")

    def size(self):
        return self.number("udp.length") - 8 if self.proto == "udp" else \
            self.number("dns.length")

    def message(self):
        return self.values["udp.payload"][0].replace(":", "")

    def answers(self, escaped):
        """TXT's text; of the SOA, its data."""
        soa = [self.values["dns.soa." + field][0] for field in (
            "mname", "rname", "serial_number", "refresh_interval",
            "retry_interval", "expire_limit", "minimum_ttl")] \
            if "dns.soa.mname" in self.values else []
        text = "".join(self.values.get("dns.txt", ()))
        return [" ".join([soa[0] + ".", soa[1] + ".", *soa[2:]])] if soa \
            else [escaped(text.encode("latin-1"))] if text else []

    def nsid(self):
        """The option's data; tshark has some of the options as data."""
        codes = [c for c in self.numbers("dns.opt.code") if c == 3]
        return bytes.fromhex(self.values["dns.opt.data"][0].replace(
            ":", "")) if codes else None

    def cookie(self):
        if 10 not in self.numbers("dns.opt.code"):
            return None
        return self.values.get("dns.opt.cookie.server", [""])[0].replace(
            ":", "")

    def ede(self, escaped):
        codes = self.numbers("dns.opt.ext_error.info_code")
        texts = self.values.get("dns.opt.ext_error.extra_text", [])
        texts = texts + [""] * (len(codes) - len(texts))
        return [{"code": code, "text": escaped(text.encode("latin-1"))}
                for code, text in zip(codes, texts)] or None

    def error(self):
        """TYPE/CODE of an ICMP error; null of another answer."""
        if self.icmp not in (3, 11, 1, 2, 4):
            return None
        return "%d/%d" % (self.icmp, self.either("icmp.code", "icmpv6.code"))

    def mpls(self):
        found = zip(*(self.numbers("icmp.mpls." + f)
                      for f in ("label", "exp", "s", "ttl")))
        return [dict(zip(("label", "exp", "s", "ttl"), one))
                for one in found] or None


class Packets:
    def __init__(self, path, port):
        command = ["tshark", "-n", "-r", path, "-T", "fields", "-E",
                   "occurrence=a", "-E", "aggregator=|", "-d",
                   "udp.port==%d,dns" % port, "-d", "tcp.port==%d,dns" % port,
                   "-Y", "ip || ipv6"]
        for field in FIELDS:
            command += ["-e", field]
        done = probing.run(*command)
        if done.returncode != 0:
            raise SystemExit("tshark: " + done.stderr)
        self.all = [Packet(dict(zip(FIELDS, line.split("\t"))))
                    for line in done.stdout.splitlines()]
        self.requests = [p for p in self.all if p.is_request()]
        self.taken = set()

    def left(self):
        return [p for p in self.requests if id(p) not in self.taken]

    def next(self, belongs):
        found = next((p for p in self.left() if belongs(p)), None)
        if found is None:
            raise SystemExit("a record without a packet")
        self.taken.add(id(found))
        return found

    def replies(self, q):
        """Those to a request, in order; ICMP errors that quote it, too."""
        if q.proto == "tcp":
            return [p for p in self.all if p.proto == "tcp" and p.flag(
                "dns.flags.response") and p.number("tcp.stream") ==
                q.number("tcp.stream")]
        if q.proto == "icmp":
            return [p for p in self.all if p is not q and p.dst == q.src and
                    p.icmp is not None and (p.icmp_id, p.seq) ==
                    (q.icmp_id, q.seq) and p.time >= q.time]
        return [p for p in self.all if p.dst == q.src and p.id == q.id and
                p.time >= q.time and p.proto != "tcp" and (
                    (p.sport, p.dport) == (q.dport, q.sport) or
                    p.icmp is not None and
                    (p.sport, p.dport) == (q.sport, q.dport))]

    def take(self, ask):
        """The request of a record that is no trace: by its 5-tuple and name,
        the records of one in the order of their time."""
        r, flow = ask.record, ask.record["flow"]
        q = self.next(lambda p: p.af == r["af"] and p.proto == r["proto"] and
                      p.ttl >= USUAL_TTL and p.dst == r["addr"] and (
                          p.icmp_id == flow["icmp_id"]
                          if p.proto == "icmp" else
                          p.sport == flow["sport"] and
                          p.qname().lower() == r["qname"]))
        ask.queries, ask.replies = [q], self.replies(q)
        if q.proto == "tcp":
            stream = [p for p in self.all if p.proto == "tcp" and
                      p.number("tcp.stream") == q.number("tcp.stream")]
            ask.connected = tuple(next(p for p in stream if p.flag(
                "tcp.flags.syn") and p.flag("tcp.flags.ack") == back)
                for back in (False, True))

    def trace(self, ask, make):
        """All packets of a trace, TTL by TTL. The trace's own query is that
        which the target answered."""
        r, hops = ask.record, []
        sent = [p for p in self.left() if p.af == r["af"] and
                p.proto == r["proto"] and p.ttl < USUAL_TTL]
        for p in sent:
            self.taken.add(id(p))
        for ttl in sorted({p.ttl for p in sent}):
            hop = make(ask.look, ask.index, self)
            tries = [p for p in sent if p.ttl == ttl]
            hop.queries = [next((p for p in tries if self.replies(p)),
                                tries[0])]
            hop.replies = self.replies(hop.query)
            hops.append(hop)
            if hop.reply is not None and hop.reply.src == r["addr"]:
                break
        ask.queries, ask.replies = hops[-1].queries, hops[-1].replies
        return hops

    def find_strange(self, ask):
        """Replies that came to the flow with an id that it never asked
        with: forged."""
        q = ask.query
        if q.proto != "udp":
            return
        ids = {p.id for p in self.requests if p.sport == q.sport}
        ask.strange = [p for p in self.all if p.proto == "udp" and
                       p.dst == q.src and p.dport == q.sport and
                       p.id not in ids]
