// How a site looks: a colour that the colour-blind can tell
// (tests/golden/colours.py), a shape, and from the ninth site on a hatching, or
// rings and dots on its line. Past the last combination sites look alike, as
// "other".
import { GAP, INTERCEPTED, NO_ANSWER, rank } from "./data.js";

const colours = ["#2871a7", "#f89d06", "#30d4a0", "#a23219", "#c7a3fe",
	"#c76b00", "#b02cfe", "#3a2aba"];
const grey = "#8a929b", ink = "#1b1f24", chalk = "#e6e9ed";
const OTHER = 24;

export function isOther(site) {
	return rank[site] >= OTHER;
}

// How often the colours were used up before a site.
export function tier(code) {
	return code < 0 || isOther(code) ? 0
		: Math.floor(rank[code] / colours.length);
}

export function colour(code) {
	if (code === NO_ANSWER || code === INTERCEPTED)
		return dark() ? chalk : ink;
	if (code < 0 || isOther(code))
		return grey;
	return colours[rank[code] % colours.length];
}

export function dark() {
	return matchMedia("(prefers-color-scheme: dark)").matches;
}

// An outline around 0,0 of about a radius.
export function shape(site, r) {
	const turn = Math.floor(rank[site] / colours.length);

	switch (isOther(site) ? 0 : (rank[site] + turn) % 4) {
	case 0:
		return `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`;
	case 1:
		return `M${-r * .88},${-r * .88}h${r * 1.76}v${r * 1.76}h${-r * 1.76}z`;
	case 2:
		return `M0,${-r * 1.2}L${r * 1.1},${r * .8}H${-r * 1.1}z`;
	default:
		return `M0,${-r * 1.25}L${r * 1.25},0L0,${r * 1.25}L${-r * 1.25},0z`;
	}
}

// An entry of the legend: what fill draws, as a path.
export function sample(code) {
	if (code >= 0)
		return shape(code, 5);
	return code === INTERCEPTED ? "M-5,-5h5v5h-5zM0,0h5v5h-5z"
		: "M-5,-5h10v10h-10z";
}

function hatch(pen, code) {
	if (code === INTERCEPTED)
		for (const at of [0, 3])
			pen.fillRect(at, at, 3, 3);
	else if (tier(code) === 1)
		for (let i = 0; i < 6; i++)
			pen.fillRect(i, 5 - i, 2, 1);
	else
		pen.fillRect(2, 2, 2, 2);
}

// What fills a site's part of a canvas: plain, striped or dotted.
export function fill(context, code) {
	const tile = document.createElement("canvas");

	if (code === GAP)
		return null;
	if (tier(code) === 0 && code !== INTERCEPTED)
		return colour(code);
	tile.width = tile.height = 6;
	const pen = tile.getContext("2d");
	pen.fillStyle = colour(code);
	pen.fillRect(0, 0, 6, 6);
	pen.fillStyle = dark() ? "#14171b" : "#fff";
	hatch(pen, code);
	return context.createPattern(tile, "repeat");
}
