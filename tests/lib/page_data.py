"""The data of the page that acreport html makes, as its script reads it."""


def rows_of(data, part):
    """Columns and rows, with the texts that rows have as numbers."""
    table = data[part]
    texts = set(table["texts"])
    return [table["columns"]] + [
        [data["texts"][value] if i in texts and value is not None else value
         for i, value in enumerate(row)] for row in table["rows"]]


def runs_of(data):
    """Of every line of the strip, its runs: code, instance, round trip."""
    for *_, flat in data["strip"]:
        for at in range(0, len(flat), 3):
            code, instance = data["states"][flat[at + 1]]
            yield (code, "" if instance < 0 else data["instances"][instance],
                   flat[at + 2])


def steps_of(pairs):
    """0, 1, 2 and 5 of the distances 1,3,3,1."""
    at, last = [], -1
    for distance, count in zip(pairs[::2], pairs[1::2]):
        for _ in range(count):
            last += distance
            at.append(last)
    return at
