"""What may happen in a lab."""

import bird
import lifecycle
from labdir import LabError

SETTLE_S = 15


def site_named(state, word):
    """A site by its node's name or its code."""
    for name, node in state["nodes"].items():
        if node["kind"] == "site" and word in (name, node["code"]):
            return name
    raise LabError("no site %s; lab nodes lists them" % word)


def settle(lab, state, act):
    """The state is written before it is made so: a truth that is asked for
    after a crash in between errs on the side of what was wanted."""
    lab.save(state)
    if not lifecycle.settle(lab, state, SETTLE_S, act):
        raise LabError("routing did not settle in %d s" % SETTLE_S)


def families(options):
    return [options.af] if options.af else [4, 6]


def withdraw(lab, state, options):
    name = site_named(state, options.site)
    node = state["nodes"][name]
    node["withdrawn"] = sorted(set(node["withdrawn"]) |
                               set(families(options)))
    settle(lab, state, lambda: bird.configure(lab, state, name))


def announce(lab, state, options):
    name = site_named(state, options.site)
    node = state["nodes"][name]
    node["withdrawn"] = sorted(set(node["withdrawn"]) -
                               set(families(options)))
    settle(lab, state, lambda: bird.configure(lab, state, name))


def add_arguments(parser):
    kinds = parser.add_subparsers(dest="event", required=True,
                                  metavar="EVENT")

    def add(name, happen, text):
        one = kinds.add_parser(name, help=text, description=text)
        one.set_defaults(happen=happen)
        return one

    for name, happen, text in (
            ("withdraw", withdraw, "a site stops announcing"),
            ("announce", announce, "a site announces again")):
        one = add(name, happen, text)
        one.add_argument("site")
        one.add_argument("--af", type=int, choices=(4, 6))


def run(lab, state, options):
    options.happen(lab, state, options)
