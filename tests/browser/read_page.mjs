// What a person reads on the page of acreport html, as JSON: the table of
// sites, filtered and not, what hovering and the keyboard tell, and whether
// anything was asked of a network or went wrong.
//   read_page.mjs MODULES PAGE [FOLDER]
// The region is the first that is offered.
// With FOLDER, pictures in light, dark and on a phone are left there.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, page, pictures] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const address = pathToFileURL(page).href;
const seen = { errors: [], requests: [], dialogs: [] };

async function open(browser, settings) {
	const context = await browser.newContext({ offline: true, ...settings });
	const tab = await context.newPage();

	tab.on("console", (m) => m.type() === "error" &&
		seen.errors.push(m.text()));
	tab.on("pageerror", (e) => seen.errors.push(String(e)));
	tab.on("request", (r) => r.url() !== address &&
		!r.url().startsWith("data:") && seen.requests.push(r.url()));
	tab.on("dialog", (d) => {
		seen.dialogs.push(d.message());
		d.dismiss();
	});
	await tab.goto(address);
	return tab;
}

const table = (tab) => tab.evaluate(() => [...document.querySelectorAll(
	"#sites tbody tr")].map((row) => [...row.cells].map((cell) =>
	cell.textContent)));
const text = (tab, where) => tab.textContent(where);

// The tip of every vantage point on the map.
async function map(tab) {
	const told = [];

	for (const mark of await tab.$$("#map .vp")) {
		await mark.dispatchEvent("pointerenter");
		told.push(await text(tab, "#tip"));
		await mark.dispatchEvent("pointerleave");
	}
	return told;
}

// The last column of the strip, row by row, by keyboard.
async function strip(tab, rows) {
	const told = [];

	await tab.focus("#strip");
	await tab.keyboard.press("End");
	for (let i = 0; i < rows; i++) {
		told.push(await text(tab, "#reading"));
		await tab.keyboard.press("ArrowDown");
	}
	return told;
}

// What the mouse is told in the middle of the strip's last column.
async function hover(tab) {
	await tab.locator("#strip").scrollIntoViewIfNeeded();
	const box = await tab.locator("#strip").boundingBox();

	await tab.mouse.move(box.x + box.width - 1, box.y + 2);
	return text(tab, "#tip");
}

// How the line of each site looks in the legend: colour, and inside of dots.
const looks = (tab) => tab.evaluate(() => [...document.querySelectorAll(
	"#latency .chips svg")].map((svg) => [...svg.children].map((part) =>
	[part.getAttribute("stroke"), part.getAttribute("fill")]).flat()
	.join(" ")));

// How far what is widest reaches out of a phone's screen.
async function beyond(browser) {
	const tab = await open(browser, { viewport: { width: 390, height: 844 } });
	const far = await tab.evaluate(() => Math.max(...[
		document.documentElement, ...document.querySelectorAll(".wide"),
	].map((box) => box.scrollWidth - box.clientWidth)));

	await tab.context().close();
	return far;
}

const markup = (tab) => tab.evaluate(() => {
	const all = [...document.querySelectorAll("*")];

	return { names: [...new Set(all.map((e) => e.localName))].sort(),
		handlers: all.flatMap((e) => [...e.attributes]).filter((a) =>
			a.name.startsWith("on")).length,
		scripts: document.scripts.length };
});

const offered = (tab, where) => tab.$$eval(`${where} option`, (list) =>
	list.map((one) => [one.value, one.textContent]));

// What every address of every target has, chosen one after the other.
async function services(tab) {
	const told = [];

	for (const [target] of await offered(tab, "#target")) {
		await tab.selectOption("#target", target);
		for (const [service, label] of await offered(tab, "#service")) {
			await tab.selectOption("#service", service);
			told.push({ target, label, window: await text(tab, "#window"),
				table: await table(tab), map: await map(tab),
				events: await tab.$$eval("#events li", (list) =>
					list.map((one) => one.textContent)),
				lines: await tab.$$eval("#latency label span", (list) =>
					list.map((one) => one.textContent)) });
		}
	}
	return told;
}

async function takePictures(browser) {
	const kinds = { light: { colorScheme: "light" },
		dark: { colorScheme: "dark" },
		phone: { viewport: { width: 390, height: 844 },
			deviceScaleFactor: 2 } };

	for (const [name, settings] of Object.entries(kinds)) {
		const tab = await open(browser, settings);

		await tab.screenshot({ path: `${pictures}/${name}.png`,
			fullPage: true });
		await tab.context().close();
	}
}

const browser = await chromium.launch({ args: ["--no-sandbox"],
	executablePath: process.env.CHROMIUM });
try {
	const tab = await open(browser, {});

	seen.window = await text(tab, "#window");
	seen.events = await text(tab, "#events");
	seen.table = await table(tab);
	seen.looks = await looks(tab);
	seen.beyond = await beyond(browser);
	seen.map = await map(tab);
	seen.arcs = await tab.evaluate(() => [...document.querySelectorAll(
		"#map .arc")].filter((arc) => arc.getAttribute("d")).length);
	seen.unplaced = await text(tab, "#unplaced");
	await (await tab.$("#map .place"))?.dispatchEvent("pointerenter");
	seen.site_told = await text(tab, "#tip");
	seen.strip = await strip(tab, seen.map.length);
	seen.hover = await hover(tab);
	[seen.group, seen.region] = await tab.evaluate(() => [
		JSON.parse(document.getElementById("data").textContent).group,
		document.getElementById("region").options[1].value]);
	await tab.selectOption("#region", seen.region);
	seen.window_of_region = await text(tab, "#window");
	seen.table_of_region = await table(tab);
	seen.map_of_region = (await map(tab)).length;
	await tab.selectOption("#region", "");
	await tab.selectOption("#site", seen.table[0]?.[0] ?? "");
	seen.table_of_site = await table(tab);
	seen.map_of_site = await map(tab);
	await tab.selectOption("#site", "");
	seen.services = await services(tab);
	await tab.check("[name=by][value=region]");
	seen.markup = await markup(tab);
	if (pictures !== undefined)
		await takePictures(browser);
} finally {
	await browser.close();
}
console.log(JSON.stringify(seen));
