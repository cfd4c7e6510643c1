// The strip: a row for each vantage point, its steps in the colour of the site.
import * as data from "./data.js";
import { fill } from "./marks.js";

const canvas = document.getElementById("strip");
const reading = document.getElementById("reading");
const AXIS = 20;
let rows = [], height = 4, cursor = { row: 0, step: 0 };

const named = (row) => row.runs.filter((run) => run.code >= 0);

// Those of one first site together, first who stays there, then by where they
// went and when, last who is not seen again.
function sorted(list) {
	const count = new Map(), keys = new Map();

	for (const row of list) {
		const runs = named(row);
		const from = runs.length > 0 ? runs[0].code : data.NO_IDENTITY;
		const last = row.runs[row.runs.length - 1];
		const to = runs.length > 0 ? runs[runs.length - 1].code : from;

		count.set(from, (count.get(from) ?? 0) + 1);
		keys.set(row, { from, gone: last.code === data.GAP, to,
			when: runs.findLast?.((r, i) => i > 0 &&
				r.code !== runs[i - 1].code)?.at ?? 0 });
	}
	return list.slice().sort((a, b) => {
		const k = keys.get(a), l = keys.get(b);

		return count.get(l.from) - count.get(k.from) ||
			k.from - l.from || k.gone - l.gone ||
			(k.to !== k.from) - (l.to !== l.from) ||
			data.rank[k.to] - data.rank[l.to] || k.when - l.when ||
			a.vp - b.vp;
	});
}

// How far apart marks are, in ms, so that there is room for them all.
function apart(width) {
	const s = 1000, m = 60 * s, h = 60 * m, d = 24 * h;
	const room = Math.max(2, Math.floor(width / 80));
	const widths = [s, 5 * s, 15 * s, 30 * s, m, 5 * m, 15 * m, 30 * m, h,
		3 * h, 6 * h, 12 * h, d, 2 * d, 7 * d, 28 * d, 91 * d];

	return widths.find((w) => data.steps * data.step / w <= room) ?? 364 * d;
}

function axis(pen, width) {
	const every = apart(width), style = getComputedStyle(canvas);
	const bottom = rows.length * height;

	pen.fillStyle = style.getPropertyValue("--soft");
	pen.font = "11px system-ui, sans-serif";
	let free = 0;
	for (let t = Math.ceil(data.first / every) * every;
		t < data.first + data.steps * data.step; t += every) {
		const x = (t - data.first) / data.step / data.steps * width;
		const text = data.mark(t, every);

		pen.fillRect(x, bottom, 1, 4);
		const w = pen.measureText(text).width;
		if (x >= free && x + w < width) {
			pen.fillText(text, x, bottom + 15);
			free = x + w + 10;
		}
	}
}

function paint() {
	const width = canvas.clientWidth, scale = devicePixelRatio || 1;
	const full = rows.length * height + AXIS;
	const pen = canvas.getContext("2d");
	const fills = new Map();

	canvas.style.height = full + "px";
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(full * scale);
	pen.scale(scale, scale);
	rows.forEach(({ runs }, i) => {
		for (const { at, steps, code } of runs) {
			if (!fills.has(code))
				fills.set(code, fill(pen, code));
			if (fills.get(code) === null)
				continue;
			pen.fillStyle = fills.get(code);
			pen.fillRect(at / data.steps * width, i * height,
				steps / data.steps * width + .3,
				height - (height > 3 ? .6 : 0));
		}
	});
	axis(pen, width);
	if (document.activeElement === canvas) {
		pen.strokeStyle = getComputedStyle(canvas).color;
		pen.strokeRect(cursor.step / data.steps * width - 1,
			cursor.row * height - 1,
			width / data.steps + 2, height + 1);
	}
}

function told(row, step) {
	const { vp, runs } = rows[row];
	const run = runs.findLast?.((r) => r.at <= step) ??
		runs.filter((r) => r.at <= step).pop();
	const lines = [data.vps[vp].name, data.stateName(run.code)];
	const begin = run.at === 0 ? "since before " : "since ";

	if (run.instance >= 0 && data.instances[run.instance] !== lines[1])
		lines[1] += `: ${data.instances[run.instance]}`;
	if (run.code >= 0)
		lines.push(data.ms(run.rtt));
	lines.push(begin + data.time(Math.max(data.since,
		data.first + run.at * data.step)));
	return lines;
}

function under(event) {
	const box = canvas.getBoundingClientRect();
	const row = Math.floor((event.clientY - box.y) / height);
	const step = Math.floor((event.clientX - box.x) / box.width * data.steps);

	return row >= 0 && row < rows.length && step >= 0 && step < data.steps
		? { row, step } : null;
}

canvas.addEventListener("pointermove", (event) => {
	const at = under(event);

	if (at === null)
		data.hideTip();
	else
		data.showTip(`${told(at.row, at.step).join("\n")}\n(at ${data.time(
			data.first + at.step * data.step)})`,
		event.clientX, event.clientY);
});
canvas.addEventListener("pointerleave", data.hideTip);
canvas.addEventListener("keydown", (event) => {
	const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1],
		ArrowRight: [0, 1], Home: [0, -data.steps], End: [0, data.steps],
		PageUp: [-10, 0], PageDown: [10, 0] }[event.key];

	if (move === undefined || rows.length === 0)
		return;
	event.preventDefault();
	cursor = {
		row: Math.max(0, Math.min(rows.length - 1, cursor.row + move[0])),
		step: Math.max(0, Math.min(data.steps - 1, cursor.step + move[1])),
	};
	reading.textContent = `${data.time(data.first + cursor.step *
		data.step)}: ${told(cursor.row, cursor.step).join(", ")}`;
	paint();
});
canvas.addEventListener("focus", paint);
canvas.addEventListener("blur", paint);

export function drawStrip(list) {
	rows = sorted(list);
	height = Math.max(3, Math.min(12, Math.floor(480 / (rows.length || 1))));
	cursor = { row: 0, step: 0 };
	paint();
}
