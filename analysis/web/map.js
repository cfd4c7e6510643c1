// The map: vantage points by the site that serves them at the end, and arcs.
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import land from "world-atlas/land-110m.json";
import * as data from "./data.js";
import { colour, shape } from "./marks.js";

const outline = feature(land, land.objects.land);
const box = document.getElementById("map");
const CLOSEST = 5; // times the whole world
const CROWD = 30; // sites: then marks are small, and names near or left out

// What the map must show: points, and lines between some of them.
function fitted(width, height, points, lines) {
	const world = geoNaturalEarth1().fitSize([width, height],
		{ type: "Sphere" });
	const near = geoNaturalEarth1();

	if (points.length === 0)
		return world;
	near.fitExtent([[30, 30], [width - 30, height - 30]],
		{ type: "GeometryCollection", geometries: [
			{ type: "MultiPoint", coordinates: points },
			{ type: "MultiLineString", coordinates: lines }] });
	if (near.scale() <= world.scale())
		return world;
	if (near.scale() < world.scale() * CLOSEST)
		return near;
	near.scale(world.scale() * CLOSEST).translate([0, 0]);
	const [[x0, y0], [x1, y1]] = geoPath(near).bounds(
		{ type: "MultiPoint", coordinates: points });
	return near.translate([width / 2 - (x0 + x1) / 2,
		height / 2 - (y0 + y1) / 2]);
}

function told(row) {
	const lines = [row.vp];

	if (row.state === "known")
		lines.push(row.instance === row.site ? row.site
			: `${row.site}: ${row.instance}`, data.ms(row.rtt_p50_ms),
		`since ${data.time(row.since)}`);
	else
		lines.push(row.state.replace("_", " "));
	return lines.join("\n");
}

const clash = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w &&
	a.y < b.y + b.h && b.y < a.y + a.h;

// Beside its site, or further away with a line, or not at all.
function placeName(taken, { x, y, width, bounds, crowded }) {
	for (const distance of crowded ? [10, 20] : [10, 24, 42, 64, 90]) {
		for (const turn of [0, 4, 6, 2, 7, 1, 5, 3]) {
			const angle = turn * Math.PI / 4;
			const cx = x + Math.cos(angle) * (distance + width / 2);
			const cy = y + Math.sin(angle) * (distance + 3);
			const where = { x: cx - width / 2 - 2, y: cy - 8,
				w: width + 4, h: 16, cx, cy, far: distance > 10 };

			if (where.x < 0 || where.y < 0 ||
			    where.x + where.w > bounds[0] ||
			    where.y + where.h > bounds[1])
				continue;
			if (taken.every((other) => !clash(where, other)))
				return where;
		}
	}
	return null;
}

function drawSites(root, used, rows, { projection, size, crowded }) {
	const points = used.map((site) => ({ site,
		xy: projection(data.sites[site].at) }))
		.sort((a, b) => data.rank[a.site] - data.rank[b.site]);
	const taken = points.map(({ xy: [x, y] }) =>
		({ x: x - 8, y: y - 8, w: 16, h: 16 }));
	const marks = [], names = []; // what serves most on top

	for (const { site, xy: [x, y] } of points) {
		const full = data.sites[site].name;
		const name = full.length > 14 ? full.slice(0, 13) + "\u2026" : full;
		const where = placeName(taken, { x, y, width: name.length * 8,
			bounds: size, crowded });

		marks.unshift(svgMark(site, rows, { x, y, r: crowded ? 5 : 6.5 }));
		if (where === null)
			continue;
		taken.push(where);
		if (where.far)
			root.append(data.svg("line", { class: "leader", x1: x,
				y1: y, x2: where.cx, y2: where.cy }));
		names.push(data.svg("text", { class: "name", x: where.cx,
			y: where.cy + 4.5, "text-anchor": "middle",
			"font-size": 13 }, name));
	}
	root.append(...marks, ...names);
}

function svgMark(site, rows, { x, y, r }) {
	const mark = data.svg("path", { class: "place", d: shape(site, r),
		stroke: colour(site), transform: `translate(${x},${y})` });
	const { name, guessed } = data.sites[site];
	const served = new Set(rows.filter((row) => row.site === name)
		.map((row) => row.vp)).size;

	mark.addEventListener("pointerenter", (event) => data.showTip(
		[name, data.plural(served), ...guessed
			? ["placed by a guess from its name"] : []].join("\n"),
		event.clientX, event.clientY));
	mark.addEventListener("pointerleave", data.hideTip);
	return mark;
}

function drawVps(root, rows, { projection, crowded }) {
	const r = crowded ? 3.2 : 4.2;
	const marks = [];

	for (const row of rows) {
		const vp = data.vps[data.vpByName.get(row.vp)];
		const [x, y] = projection(vp.at);
		const site = data.siteByName.get(row.site);
		const known = row.state === "known";
		const mark = data.svg("path", { class: "vp",
			d: known ? shape(site, r) : "M-3,-3L3,3M-3,3L3,-3",
			transform: `translate(${x},${y})`, tabindex: -1,
			role: "img", "aria-label": told(row).replaceAll("\n", ", "),
			fill: known ? colour(site) : "none" });

		if (!known) {
			mark.style.stroke = "var(--soft)";
			mark.style.strokeWidth = 1.5;
		}
		const show = () => {
			const at = mark.getBoundingClientRect();

			data.showTip(told(row), at.x + 8, at.y + 8);
		};
		mark.addEventListener("pointerenter", show);
		mark.addEventListener("focus", show);
		mark.addEventListener("pointerleave", data.hideTip);
		mark.addEventListener("blur", data.hideTip);
		marks.push(mark);
		root.append(mark);
	}
	marks[0]?.setAttribute("tabindex", 0);
	root.addEventListener("keydown", (event) => {
		const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1,
			ArrowUp: -1 }[event.key];
		const now = marks.indexOf(document.activeElement);

		if (way === undefined || now < 0)
			return;
		event.preventDefault();
		marks[(now + way + marks.length) % marks.length].focus();
	});
}

export function drawMap(rows) {
	const width = Math.max(300, box.clientWidth);
	const height = Math.round(Math.max(300, width * .5));
	const root = data.svg("svg", { viewBox: `0 0 ${width} ${height}`,
		role: "group", "aria-label": "Map of vantage points and sites" });
	const placed = rows.filter((row) =>
		data.vps[data.vpByName.get(row.vp)].at !== null);
	const used = [...new Set(placed.filter((row) => row.state === "known")
		.map((row) => data.siteByName.get(row.site)))]
		.filter((site) => data.sites[site].at !== null);
	const arcs = placed.filter((row) => row.state === "known" &&
		data.sites[data.siteByName.get(row.site)].at !== null)
		.map((row) => ({ site: data.siteByName.get(row.site),
			from: data.vps[data.vpByName.get(row.vp)].at }));
	const line = (arc) => [arc.from, data.sites[arc.site].at];
	const projection = fitted(width, height, [
		...placed.map((row) => data.vps[data.vpByName.get(row.vp)].at),
		...used.map((site) => data.sites[site].at)], arcs.map(line));
	const path = geoPath(projection.clipExtent([[0, 0], [width, height]]));

	root.append(data.svg("path", { class: "land", d: path(outline) ?? "" }));
	for (const arc of arcs)
		root.append(data.svg("path", { class: "arc",
			stroke: colour(arc.site), opacity: arcs.length < 60 ? .7 : .35,
			d: path({ type: "LineString", coordinates: line(arc) }) ??
				"" }));
	const look = { projection, size: [width, height],
		crowded: width < 600 || used.length > CROWD };
	drawVps(root, placed, look);
	drawSites(root, used, rows, look);
	box.replaceChildren(root);
	const missing = new Set(data.sites.filter((site) => site.at === null &&
		rows.some((row) => row.site === site.name)).map((s) => s.name));
	const notes = [];
	if (rows.length > placed.length)
		notes.push(`${rows.length - placed.length} without a position are not on the map.`);
	if (missing.size > 0)
		notes.push(`No position is known of ${missing.size} of the sites: no arcs to them (--site-map).`);
	const guessed = used.filter((site) => data.sites[site].guessed).length;
	if (guessed > 0)
		notes.push(`Placed by a guess from the name: ${guessed} of ${
			used.length} sites.`);
	document.getElementById("unplaced").textContent = notes.join(" ");
}
