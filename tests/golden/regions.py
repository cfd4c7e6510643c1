#!/usr/bin/env python3
# Proves that every country of ISO 3166 has one region, in the UN's numbers.

import collections
import json
import pathlib

from tap import Tap

ISO = pathlib.Path("/usr/share/iso-codes/json/iso_3166-1.json")
# Countries and territories by subregion, as the UN's own page counts them
# (without Taiwan, which it does not list).
M49 = {"Northern Africa": 7, "Eastern Africa": 22, "Middle Africa": 9,
       "Southern Africa": 5, "Western Africa": 17, "Caribbean": 28,
       "Central America": 8, "South America": 16, "Northern America": 5,
       "Central Asia": 5, "Eastern Asia": 7, "South-eastern Asia": 11,
       "Southern Asia": 9, "Western Asia": 18, "Eastern Europe": 10,
       "Northern Europe": 16, "Southern Europe": 16, "Western Europe": 9,
       "Australia and New Zealand": 6, "Melanesia": 5, "Micronesia": 8,
       "Polynesia": 10}
NOT_ISO = {"XK"}
NOT_M49 = {"AQ", "TW"}


def main():
    tap = Tap()
    lines = [line.split(None, 1) for line in
             pathlib.Path("schema/regions").read_text("ascii").splitlines()
             if line and not line.startswith("#")]
    table = {country: region.strip() for country, region in lines}
    tap.ok(len(table) == len(lines), "no country has two lines")
    if ISO.exists():
        countries = {entry["alpha_2"] for entry in
                     json.loads(ISO.read_text("utf-8"))["3166-1"]}
        tap.ok(len(countries) > 240 and set(table) == countries | NOT_ISO,
               "the countries are those of Debian's iso-codes",
               sorted(set(table) ^ countries))
    else:
        tap.skip("the countries are those of Debian's iso-codes",
                 "iso-codes is not here")
    counted = collections.Counter(
        region for country, region in table.items()
        if country not in NOT_ISO | NOT_M49)
    tap.ok(counted == M49, "each region has as many as the UN gives it",
           *(f"{region}: {counted[region]}, {M49.get(region)}"
             for region in sorted(counted | collections.Counter(M49))
             if counted[region] != M49.get(region)))
    tap.done()


main()
