"""The page that acreport html makes and its data, as its script reads it.
Nothing else in the tests knows how it is packed: where that is changed, its
readers end here, and say what is not as it was."""
import functools
import html.parser
import json
import sys

INTERCEPTED = -4  # in the strip


def no_page(done):
    """Whether acreport html ended because this build has no page."""
    return done.returncode == 2 and "make page" in done.stderr


def printed(done):
    """The page that acreport html printed; None where this build has none.
    What went wrong otherwise ends the test."""
    if no_page(done):
        return None
    if done.returncode != 0:
        sys.exit(f"acreport html: exit {done.returncode}: {done.stderr}")
    return done.stdout


def reads(part):
    """What a function reads of the page; it ends the test where that is packed
    in another way."""
    def wrap(function):
        @functools.wraps(function)
        def read(*given):
            try:
                return function(*given)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                return sys.exit(f"tests/lib/page_data.py: {part} of the page "
                                f"have another form ({function.__name__}: "
                                f"{type(error).__name__} {error})")
        return read
    return wrap


class Tree(html.parser.HTMLParser):
    """The elements with their attributes, and the texts of scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.styles, self.inside = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))
        self.inside = {"script": self.scripts,
                       "style": self.styles}.get(tag)
        if self.inside is not None:
            self.inside.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            self.inside[-1] += data


@reads("the data")
def data_of(page):
    """What the functions below read; of a page, or of its Tree."""
    tree = page if isinstance(page, Tree) else Tree(page)
    kinds = [dict(attrs) for tag, attrs in tree.tags if tag == "script"]
    data, = (text for kind, text in zip(kinds, tree.scripts, strict=True)
             if kind.get("id") == "data" and
             kind.get("type") == "application/json")
    return json.loads(data)


@reads("the tables")
def rows_of(data, part):
    """Columns and rows, with the texts that rows have as numbers, and lists
    of sites as the CSV has them."""
    table = data[part]
    texts = set(table["texts"])

    def text(value):
        if isinstance(value, list):
            return ", ".join(f"{data['sites'][site][0]} {count}"
                             for site, count in value)
        return value if value is None else data["texts"][value]
    return [table["columns"]] + [
        [text(value) if i in texts else value
         for i, value in enumerate(row)] for row in table["rows"]]


@reads("the services")
def services_of(data):
    """Target and address, in the page's order."""
    return [(target, address) for target, address, _ in data["services"]]


@reads("the vantage points")
def vps_of(data):
    """Name, region, country and, where it is known, latitude, longitude."""
    return [(name, region, country, tuple(map(float, where)))
            for name, region, country, *where in data["vps"]]


@reads("the sites")
def sites_of(data):
    """By name, in the page's order: latitude, longitude and how sure they are,
    in percent; () where nobody knows."""
    sites = {name: tuple(map(float, where)) for name, *where in data["sites"]}
    if len(sites) != len(data["sites"]) or \
            {len(where) for where in sites.values()} - {0, 3}:
        raise ValueError(data["sites"])
    return sites


@reads("the lines of the strip")
def runs_of(data):
    """Of every line of the strip, its runs: code, instance, round trip."""
    runs = []
    for *_, flat in data["strip"]:
        for at in range(0, len(flat), 3):
            code, instance = data["states"][flat[at + 1]]
            runs.append((code, "" if instance < 0 else
                         data["instances"][instance], flat[at + 2]))
    return runs


def steps_of(pairs):
    """0, 1, 2 and 5 of the distances 1,3,3,1."""
    at, last = [], -1
    for distance, count in zip(pairs[::2], pairs[1::2], strict=True):
        for _ in range(count):
            last += distance
            at.append(last)
    return at


@reads("the steps of the series")
def time_of(data):
    """When the series begin, and how long a step is, in milliseconds."""
    return data["series_first"] + 0, data["series_step"] + 0


@reads("the series")
def points_of(data, by):
    """p50 and p95 (or None) by names and number of the step; by: "site" or
    "region". The names: target, address, question, protocol and that."""
    points = {}
    for one in data[f"series_{by}"]:
        target, address, question, proto, name = one["names"]
        for at, *point in zip(steps_of(one["at"]), one["p50"], one["p95"],
                              strict=True):
            points[(target, address, question, proto, name), at] = tuple(point)
    return points


@reads("the events left out")
def events_left(data, address, site):
    """How many events of a choice (site "": any) the page does not have, and
    how many of the largest it has then at least."""
    service = [one[1] for one in services_of(data)].index(address)
    number = list(sites_of(data)).index(site) if site else -1
    return sum(count for of, at, count in data["events"]["left"]
               if (of, at) == (service, number)), data["events"]["shown"] + 0
