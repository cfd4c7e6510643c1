#!/usr/bin/env python3
# Proves that the colours of the page are told apart by people who see colours and by those who do not, on light and on dark.
"""As dichromats see them after Machado, Oliveira and Fernandes (IEEE TVCG
15(6), 2009), of severity 1; the distance is that of OKLab, times 100. The
colours of Okabe and Ito are beside them, as what is widely held to be enough."""

import itertools
import math
import re

from tap import Tap

VIEWS = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868),
                   (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968),
                     (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779),
                   (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
}
TO_LMS = ((0.4122214708, 0.5363325363, 0.0514459929),
          (0.2119034982, 0.6806995451, 0.1073969566),
          (0.0883024619, 0.2817188376, 0.6299787005))
TO_LAB = ((0.2104542553, 0.7936177850, -0.0040720468),
          (1.9779984951, -2.4285922050, 0.4505937099),
          (0.0259040371, 0.7827717662, -0.8086757660))
OKABE_ITO = ["#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2",
             "#d55e00", "#cc79a7"]
BACKS = {"light": "#ffffff", "dark": "#14171b"}


def linear(colour):
    parts = (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))
    return [c / 12.92 if c <= .04045 else ((c + .055) / 1.055) ** 2.4
            for c in parts]


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def seen(colour, view):
    rgb = [min(1, max(0, c)) for c in times(VIEWS[view], linear(colour))]
    return [100 * c for c in times(TO_LAB, [
        c ** (1 / 3) for c in times(TO_LMS, rgb)])]


def closest(colours):
    return min((math.dist(seen(a, view), seen(b, view)), a, b, view)
               for a, b in itertools.combinations(colours, 2)
               for view in VIEWS)


def contrast(a, b):
    """Of the Web Content Accessibility Guidelines."""
    light = sorted(.2126 * r + .7152 * g + .0722 * b
                   for r, g, b in (linear(a), linear(b)))
    return (light[1] + .05) / (light[0] + .05)


def main():
    tap = Tap()
    with open("analysis/web/marks.js", encoding="ascii") as file:
        code = file.read()
    sites = re.findall(r'"(#[0-9a-f]{6})"',
                       re.search(r"const colours = \[(.*?)\]", code,
                                 re.DOTALL)[1])
    others = re.findall(r'(?:grey|ink|chalk) = "(#[0-9a-f]{6})"', code)
    usual = closest(OKABE_ITO)
    mine = closest(sites + others)
    tap.ok(len(sites) == 8 and len(others) == 3 and mine[0] > 10 > usual[0],
           f"any two of {len(sites + others)} colours are {mine[0]:.1f} apart "
           f"and more, whoever looks; of Okabe and Ito's {usual[0]:.1f}",
           mine, usual)
    for name, back in BACKS.items():
        faint = min((contrast(c, back), c) for c in sites)
        tap.ok(faint[0] > 1.8, f"none is lost on a {name} page", faint)
    tap.done()


if __name__ == "__main__":
    main()
