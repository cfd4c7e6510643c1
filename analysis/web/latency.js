// Round trips over time: p50 and p95, of sites or of regions.
import uPlot from "uplot";
import * as data from "./data.js";
import { colour, tier } from "./marks.js";

const box = document.getElementById("latency");
const SHOWN = { site: 9, region: 5 };
const LISTED = 32; // labels; the others are folded away
let plot = null;

// One question and transport: the one that was answered most often.
function ofOneKind(list) {
	const kinds = new Map();

	for (const one of list) {
		const kind = one.names.slice(2, 4).join(" over ");
		kinds.set(kind, (kinds.get(kind) ?? 0) + one.at.length);
	}
	const [kind] = [...kinds].sort((a, b) => b[1] - a[1])[0] ?? [""];
	return { kind, list: list.filter((one) =>
		one.names.slice(2, 4).join(" over ") === kind) };
}

// Every step of the window has its place, so that a gap is a gap.
function spread(times, one, which) {
	const values = times.map(() => null);

	one.at.forEach((step, i) => {
		if (step >= 0 && step < values.length)
			values[step] = one[which][i];
	});
	return values;
}

function button(name, look, shown, toggle) {
	const label = data.element("label");
	const check = data.element("input", undefined, { type: "checkbox" });
	const line = data.svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" });

	line.append(data.svg("path", { d: "M0,7h14", stroke: look.ink,
		"stroke-width": 3 }));
	if (look.dot !== undefined)
		line.append(data.svg("circle", { cx: 7, cy: 7, r: 4,
			fill: look.dot, stroke: look.ink, "stroke-width": 2 }));
	check.checked = shown;
	check.addEventListener("change", () => toggle(check.checked));
	label.append(check, line, data.element("span", name));
	return label;
}

// Sites in the order of their marks, what is none of them last.
function place(by, one) {
	return by !== "site" ? 0
		: data.rank[data.siteByName.get(one.names[4])] ?? Infinity;
}

// The colour of a line, and of what is inside of its dots; undefined: it has
// none.
function lookOf(by, name, i, back) {
	if (by !== "site" || !data.siteByName.has(name))
		return { ink: `hsl(${(i * 137 + 210) % 360} 60% ` +
			`${45 + i % 3 * 9}%)` };
	const site = data.siteByName.get(name);
	const ink = colour(site);

	return { ink, dot: [undefined, back, ink][tier(site)] };
}

// A value between two gaps has no line: a dot.
function alone(u, series) {
	const values = u.data[series];

	return values.map((_, i) => i).filter((i) => values[i] !== null &&
		(values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null);
}

// Round numbers of a logarithmic axis, few enough to be read.
function marks(u, axis, low, high) {
	for (const steps of [[1, 1.5, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 5, 7],
		[1, 2, 5], [1, 3], [1]]) {
		const splits = [];

		for (let ten = 10 ** Math.floor(Math.log10(low)); ten <= high;
			ten *= 10)
			splits.push(...steps.map((n) => n * ten)
				.filter((n) => n >= low && n <= high));
		if (splits.length <= 8)
			return splits;
	}
	return [low, high];
}

export function drawLatency(by, service, wanted) {
	const { kind, list } = ofOneKind(data.series[by].filter((one) =>
		one.names[0] === service.target && one.names[1] === service.address &&
		wanted(one.names[4]) && one.p50.some((value) => value !== null)));
	const count = Math.ceil((data.until - data.seriesFirst) / data.seriesStep);
	const times = Array.from({ length: count }, (_, i) =>
		(data.seriesFirst + i * data.seriesStep) / 1000);
	const css = getComputedStyle(document.documentElement);
	const soft = css.getPropertyValue("--soft");
	const back = css.getPropertyValue("--back");
	const grid = { stroke: css.getPropertyValue("--line"), width: 1 };
	const font = "11px system-ui, sans-serif";
	const legend = data.element("div", undefined, { class: "chips" });
	const more = data.element("div", undefined, { class: "chips" });
	const columns = [times], lines = [{}];

	plot?.destroy();
	plot = null;
	list.sort((a, b) => place(by, a) - place(by, b) ||
		b.at.length - a.at.length);
	list.forEach((one, i) => {
		const name = one.names[4] === "" ? "unknown" : one.names[4];
		const look = lookOf(by, one.names[4], i, back);
		const common = { stroke: look.ink, spanGaps: false,
			show: i < SHOWN[by], points: { show: true, size: 4,
				fill: look.ink, filter: alone } };
		const dots = look.dot === undefined ? {} : { points: {
			show: true, size: 7, width: 1.5, stroke: look.ink,
			fill: look.dot } };

		columns.push(spread(times, one, "p50"), spread(times, one, "p95"));
		lines.push({ ...common, label: name, width: 2, ...dots },
			{ ...common, label: `${name} p95`, width: 1, dash: [4, 3] });
		(i < LISTED ? legend : more).append(button(name, look, i < SHOWN[by], (show) => {
			plot.setSeries(2 * i + 1, { show });
			plot.setSeries(2 * i + 2, { show });
		}));
	});
	box.replaceChildren();
	if (list.length === 0) {
		box.append(data.element("p", "No round trips.", { class: "note" }));
		return;
	}
	plot = new uPlot({
		width: box.clientWidth, height: 300, series: lines,
		legend: { show: false }, tzDate: (ts) => uPlot.tzDate(
			new Date(ts * 1000), "Etc/UTC"),
		cursor: { drag: { x: false, y: false } },
		scales: { y: { distr: 3, range: (u, low, high) =>
			[low * .8, high * 1.25] } },
		axes: [{ stroke: soft, grid, ticks: grid, font, space: 80,
			values: (u, splits, axis, space, incr) =>
				splits.map((s) => data.mark(s * 1000, incr * 1000)) },
		{ stroke: soft, grid, ticks: grid, font, size: 60, splits: marks,
			filter: (u, splits) => splits,
			values: (u, splits) => splits.map((n) =>
				String(Number(n.toPrecision(3)))) }],
		hooks: { setCursor: [(u) => {
			const { idx, left, top } = u.cursor;

			if (idx === null || idx === undefined || left < 0) {
				data.hideTip();
				return;
			}
			const told = [data.time(times[idx] * 1000)];
			for (let i = 1; i < lines.length; i++)
				if (u.series[i].show && columns[i][idx] !== null)
					told.push(`${lines[i].label}: ${data.ms(columns[i][idx])}`);
			const at = u.over.getBoundingClientRect();
			data.showTip(told.join("\n"), at.x + left, at.y + top);
		}] },
	}, columns, box);
	plot.over.addEventListener("pointerleave", data.hideTip);
	box.append(data.element("p", `Question: ${kind}.`, { class: "note" }),
		legend);
	if (list.length > LISTED) {
		const rest = data.element("details");

		rest.append(data.element("summary", `${list.length - LISTED} more`),
			more);
		box.append(rest);
	}
}
