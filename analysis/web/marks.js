// How a site looks: a colour that the colour-blind can tell (after Okabe and
// Ito), a shape, and from the ninth site on a hatching, or rings and dots on its
// line. Past the last combination sites look alike, as "other".
import { GAP, INTERCEPTED, NO_ANSWER, rank } from "./data.js";

const colours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
	"#d55e00", "#8e6cc9", "#b3a100"];
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
	if (code === NO_ANSWER)
		return dark() ? "#e6e9ed" : "#1b1f24";
	if (code === INTERCEPTED)
		return "#c0182b";
	if (code < 0 || isOther(code))
		return "#8a929b";
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

// What fills a site's part of a canvas: plain, striped or dotted.
export function fill(context, code) {
	const tile = document.createElement("canvas");

	if (code === GAP)
		return null;
	if (tier(code) === 0)
		return colour(code);
	tile.width = tile.height = 6;
	const pen = tile.getContext("2d");
	pen.fillStyle = colour(code);
	pen.fillRect(0, 0, 6, 6);
	pen.fillStyle = dark() ? "#14171b" : "#fff";
	if (tier(code) === 1)
		for (let i = 0; i < 6; i++)
			pen.fillRect(i, 5 - i, 2, 1);
	else
		pen.fillRect(2, 2, 2, 2);
	return context.createPattern(tile, "repeat");
}
