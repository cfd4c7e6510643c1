// The page as a whole: filters, legend, table of sites.
import * as data from "./data.js";
import { drawEvents } from "./events.js";
import { drawLatency } from "./latency.js";
import { drawMap } from "./map.js";
import { colour, isOther, sample } from "./marks.js";
import { drawStrip } from "./strip.js";

const at = (id) => document.getElementById(id);
const chosen = { target: "", service: 0, region: "", site: "", by: "site" };
const ALL = "", UNKNOWN = " ";

function options(select, pairs, value) {
	select.replaceChildren(...pairs.map(([key, text]) =>
		data.element("option", text, { value: key })));
	select.value = value;
}

function offerServices() {
	const list = data.services.filter((s) => s.target === chosen.target);

	chosen.service = list[0]?.index ?? 0;
	options(at("service"), list.map((s) =>
		[s.index, `${s.address} (IPv${s.af})`]), chosen.service);
}

function offer() {
	const targets = [...new Set(data.services.map((s) => s.target))];
	const regions = [...new Set(data.vps.map((vp) => vp.region))].sort();
	const sites = data.sites.map((_, i) => i)
		.sort((a, b) => data.rank[a] - data.rank[b]);

	chosen.target = targets[0] ?? "";
	options(at("target"), targets.map((t) => [t, t]), chosen.target);
	options(at("region"), [[ALL, "all"], ...regions.map((r) =>
		[r === "" ? UNKNOWN : r, r === "" ? "unknown" : r])], ALL);
	options(at("site"), [[ALL, "all"], ...sites.map((i) =>
		[data.sites[i].name, data.sites[i].name])], ALL);
	offerServices();
	if (data.group === "country") {
		at("region").previousSibling.textContent = "Country ";
		document.querySelector("[value=region]").nextSibling
			.textContent = " country";
	}
}

function inRegion(vp) {
	return chosen.region === ALL ||
		data.vps[vp].region === chosen.region.trim();
}

function table(service) {
	const some = chosen.region !== ALL;
	const rows = data.ofService(some ? data.groupShares : data.shares, service)
		.filter((row) => (!some || (row[data.group] ?? "") ===
			chosen.region.trim()) &&
			(chosen.site === ALL || row.site === chosen.site));
	const latency = new Map(data.ofService(data.latency, service)
		.map((row) => [row.site, row]));
	const heads = ["Site", "Vantage points", "Share, %", "RTT p50, ms",
		...some ? [] : ["RTT p95 in the window, ms", "Lost, %"]];
	const number = (value, digits) => value === null || value === undefined
		? "" : digits === undefined ? String(value) : value.toFixed(digits);
	const head = data.element("tr");

	head.append(...heads.map((text) =>
		data.element("th", text, { scope: "col" })));
	at("sites").tHead.replaceChildren(head);
	rows.sort((a, b) => (a.site === null) - (b.site === null) ||
		b.vantage_points - a.vantage_points);
	at("sites").tBodies[0].replaceChildren(...rows.map((row) => {
		const line = data.element("tr");
		const there = latency.get(row.site);
		const cells = [row.site ?? "unknown", number(row.vantage_points),
			number(row.share_pct, 2), number(row.rtt_p50_ms, 3)];

		if (!some)
			cells.push(number(there?.p95_ms, 3), number(there?.loss_pct, 2));
		line.append(...cells.map((text) => data.element("td", text)));
		return line;
	}));
}

function entry(code, text) {
	const item = data.element("li");
	const mark = data.svg("svg", { viewBox: "-7 -7 14 14",
		"aria-hidden": "true" });

	mark.append(data.svg("path", { fill: colour(code), d: sample(code) }));
	item.append(mark, data.element("span", text));
	return item;
}

function legend(strip) {
	const seen = new Set(strip.flatMap(({ runs }) =>
		runs.map((run) => run.code)));
	const sites = [...seen].filter((code) => code >= 0)
		.sort((a, b) => data.rank[a] - data.rank[b]);
	const own = sites.filter((code) => !isOther(code));
	const others = sites.filter(isOther);
	const entries = [...own, ...others.length === 1 ? others : [],
		...[data.NO_ANSWER, data.NO_IDENTITY, data.INTERCEPTED]
			.filter((code) => seen.has(code))]
		.map((code) => entry(code, data.stateName(code)));

	if (others.length > 1)
		entries.splice(own.length, 0,
			entry(others[0], `${others.length} other sites`));
	at("legend").replaceChildren(...entries);
}

function draw() {
	const service = data.services[chosen.service];

	if (service === undefined) {
		drawEvents(null);
		return;
	}
	const strip = data.strip.filter((row) =>
		row.service === chosen.service && inRegion(row.vp) &&
		(chosen.site === ALL || row.runs.some((run) => run.code >= 0 &&
			data.sites[run.code].name === chosen.site)));
	const rows = data.ofService(data.catchment, service).filter((row) =>
		inRegion(data.vpByName.get(row.vp)) &&
		(chosen.site === ALL || row.site === chosen.site));
	const concerns = (list) => (list ?? []).some(([site]) =>
		data.sites[site].name === chosen.site);
	const events = data.ofService(data.events, service).filter((row) =>
		chosen.site === ALL || row.site === chosen.site ||
		concerns(row.to_sites) || concerns(row.from_sites));

	at("window").textContent = `${service.target}, ${service.address}: ${
		data.time(data.since)} to ${data.time(data.until)}, ${
		data.plural(new Set(strip.map((row) => row.vp)).size)}`;
	drawEvents(strip.length === 0 ? null : events, service, chosen.site);
	drawMap(rows);
	legend(strip);
	drawStrip(strip);
	drawLatency(chosen.by, service, (name) => chosen.by === "site"
		? chosen.site === ALL || name === chosen.site
		: chosen.region === ALL || name === chosen.region.trim());
	table(service);
}

at("filters").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["target", "service", "region", "site"])
	at(id).addEventListener("change", (event) => {
		chosen[id] = id === "service" ? Number(event.target.value)
			: event.target.value;
		if (id === "target")
			offerServices();
		draw();
	});
at("by").addEventListener("change", (event) => {
	chosen.by = event.target.value;
	draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
let width = innerWidth;
addEventListener("resize", () => {
	if (innerWidth !== width) {
		width = innerWidth;
		draw();
	}
});
offer();
draw();
