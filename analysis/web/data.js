// The page's data, and what is chosen of it. Every name in it is a stranger's:
// it enters the document as text only.
const raw = JSON.parse(document.getElementById("data").textContent);

export const GAP = -1, NO_ANSWER = -2, NO_IDENTITY = -3,
	INTERCEPTED = -4;

// Texts are numbers of those of the page; a list of sites is their numbers,
// each with how often it comes.
function objects(table) {
	const texts = new Set(table.texts);

	return table.rows.map((row) => Object.fromEntries(
		table.columns.map((name, i) => [name, texts.has(i) &&
			typeof row[i] === "number" ? raw.texts[row[i]] : row[i]])));
}

// The steps of a series: distances, each with how often it comes.
function stepsOf(pairs) {
	const at = [];

	for (let i = 0, last = -1; i < pairs.length; i += 2)
		for (let k = 0; k < pairs[i + 1]; k++)
			at.push(last += pairs[i]);
	return at;
}

const unfolded = (list) => list.map((one) =>
	({ ...one, at: stepsOf(one.at) }));

export const group = raw.group;
export const since = raw.since, until = raw.until;
export const { first, step, steps, instances } = raw;
export const services = raw.services.map(([target, address, af], index) =>
	({ target, address, af, index }));
export const vps = raw.vps.map(([name, region, country, lat, lon]) => ({
	name, region: group === "country" ? country : region,
	at: lat === undefined ? null : [lon, lat],
}));
const GUESSED = 50; // percent: no rule of a site map is less sure
export const sites = raw.sites.map(([name, lat, lon, confidence]) =>
	({ name, at: lat === undefined ? null : [lon, lat],
		guessed: confidence < GUESSED }));
export const strip = raw.strip.map(([service, vp, flow, flat]) => {
	const runs = [];

	for (let i = 0, at = 0; i < flat.length; at += flat[i], i += 3) {
		const [code, instance] = raw.states[flat[i + 1]];

		runs.push({ at, steps: flat[i], code, instance,
			rtt: flat[i + 2] });
	}
	return { service, vp, flow, runs };
});
export const catchment = objects(raw.catchment);
export const shares = objects(raw.shares);
export const groupShares = objects(raw.shares_region);
export const events = objects(raw.events);
export const latency = objects(raw.latency);
export const seriesStep = raw.series_step, seriesFirst = raw.series_first;
export const series = { site: unfolded(raw.series_site),
	region: unfolded(raw.series_region) };

export const vpByName = new Map(vps.map((vp, i) => [vp.name, i]));
export const siteByName = new Map(sites.map((site, i) => [site.name, i]));

// Of a service, and a site ("": any): how many of the largest events are all
// here, and how many are not.
export function eventsLeft(service, site, shown) {
	const number = site === "" ? -1 : siteByName.get(site);
	const left = raw.events.left.find((one) => one[0] === service.index &&
		one[1] === number)?.[2] ?? 0;

	return { left, shown: site === "" || left === 0 ? shown
		: Math.min(shown, raw.events.shown) };
}

// The sites in the order of how much they serve: the order of their marks.
const served = sites.map(() => 0);
for (const { runs } of strip)
	for (const { code, steps: n } of runs)
		if (code >= 0)
			served[code] += n;
export const rank = sites.map(() => 0);
sites.map((_, i) => i).sort((a, b) => served[b] - served[a] || a - b)
	.forEach((site, i) => { rank[site] = i; });

// To the minute, and to the second where steps are shorter than that.
const exact = Math.min(step, raw.series_step) < 60000;

export function time(ms) {
	return new Date(ms).toISOString().slice(0, exact ? 19 : 16)
		.replace("T", " ") + "Z";
}

// Beside an axis whose marks are so far apart: the time, or the day.
export function mark(ms, apart) {
	const text = new Date(ms).toISOString();

	return ms % 86400000 === 0 ? text.slice(5, 10)
		: text.slice(11, apart < 60000 ? 19 : 16);
}

export const plural = (n) =>
	n === 1 ? "1 vantage point" : `${n} vantage points`;

export function ms(value) {
	return value === null ? "no round trip" : value.toFixed(3) + " ms";
}

export function ofService(rows, service) {
	return rows.filter((row) => row.target === service.target &&
		row.address === service.address);
}

export function stateName(code) {
	return code >= 0 ? sites[code].name : { [GAP]: "no data",
		[NO_ANSWER]: "no answer", [NO_IDENTITY]: "no name",
		[INTERCEPTED]: "intercepted" }[code];
}

export function element(name, text, attributes = {}) {
	const made = document.createElement(name);

	if (text !== undefined)
		made.textContent = text;
	for (const [key, value] of Object.entries(attributes))
		made.setAttribute(key, value);
	return made;
}

export function svg(name, attributes = {}, text) {
	const made = document.createElementNS(
		"http://www.w3.org/2000/svg", name);

	for (const [key, value] of Object.entries(attributes))
		made.setAttribute(key, value);
	if (text !== undefined)
		made.textContent = text;
	return made;
}

const tip = document.getElementById("tip");

export function showTip(text, x, y) {
	tip.textContent = text;
	tip.hidden = false;
	const { width, height } = tip.getBoundingClientRect();
	tip.style.left = Math.max(4,
		Math.min(x + 14, innerWidth - width - 8)) + "px";
	tip.style.top = (y + 14 + height > innerHeight ? Math.max(4,
		y - height - 10) : y + 14) + "px";
}

export function hideTip() {
	tip.hidden = true;
}
