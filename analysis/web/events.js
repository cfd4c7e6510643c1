// The events in words: what acreport events says.
import * as data from "./data.js";

const SHOWN = 12;
const NAMED = 6; // sites of one list

// "LHR 46, HKG 17", not all of very many.
function few(list, none) {
	if (list === null)
		return none;
	const all = list.map(([site, count]) =>
		`${data.sites[site].name} ${count}`);

	return all.length <= NAMED ? all.join(", ") : `${all.slice(0, NAMED - 1)
		.join(", ")} and ${all.length - NAMED + 1} other sites`;
}

function headline(row) {
	const site = row.site ?? "several sites";

	switch (row.kind) {
	case "site lost":
		return `${site} was lost: ${data.plural(row.vantage_points)} went to ${
			few(row.to_sites, "no other")}`;
	case "site gained":
		return `${site} was gained: ${data.plural(row.vantage_points)} came from ${
			few(row.from_sites, "nowhere")}`;
	case "flap":
		return `${site}: ${data.plural(row.vantage_points)} went to and fro (${
			few(row.to_sites, "unknown")})`;
	case "path only":
		return `${site}: ${data.plural(row.vantage_points)} took another path to the same site`;
	case "outage":
		return `${site}: ${data.plural(row.vantage_points)} had no answers`;
	default:
		return `${site}: ${data.plural(row.vantage_points)} went from ${
			few(row.from_sites, "unknown")} to ${few(row.to_sites, "unknown")}`;
	}
}

function inWords(row) {
	const begin = row.start - (row.start_uncertain_s ?? 0) * 1000;
	const words = [`${headline(row)}, between ${data.time(begin)} and ${
		data.time(row.end)}.`];

	if (row.share_pct !== null)
		words.push(`That is ${row.share_pct.toFixed(2)} % of them.`);
	if (row.rtt_before_ms !== null && row.rtt_after_ms !== null)
		words.push(`Round trip ${row.rtt_before_ms.toFixed(1)} \u2192 ${
			row.rtt_after_ms.toFixed(1)} ms.`);
	if (row.returned > 0)
		words.push(`Returned: ${row.returned}.`);
	if (row.not_seen_again > 0)
		words.push(`Not seen again: ${row.not_seen_again} more.`);
	if (row.not_ours > 0)
		words.push(`${data.plural(row.not_ours)} went to a name that is not in the site map.`);
	const parts = (row.diverges ?? "").split(", ")
		.filter((one) => one !== "" && !one.startsWith("* > *"));
	if (parts.length > 0)
		words.push(`Paths part at ${parts.join(", ")}.`);
	if (row.notes)
		words.push(`Noted: ${row.notes}.`);
	return words.join(" ");
}

// null: there is nothing of which any could be known. Of the service and the
// site that are chosen.
export function drawEvents(events, service, site) {
	if (events === null) {
		document.getElementById("events").replaceChildren(data.element("li",
			"No measurements in this window."));
		return;
	}
	const all = events.slice().sort((a, b) =>
		b.vantage_points - a.vantage_points || a.start - b.start);
	const { left, shown } = data.eventsLeft(service, site, SHOWN);
	const words = all.slice(0, shown).map(inWords);
	const more = all.length - words.length + left;
	const lines = words.map((text) => data.element("li", text));

	if (more > 0)
		lines.push(data.element("li", words.length === 0
			? `${more}: acreport events lists them.`
			: `and ${more} smaller ones: acreport events lists them.`,
		{ class: "more" }));
	if (lines.length === 0)
		lines.push(data.element("li", "Nothing."));
	document.getElementById("events").replaceChildren(...lines);
}
