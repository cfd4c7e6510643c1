// The events in words that a person reads on the page of acreport html, as
// JSON: of every address and site, which are chosen one after the other.
//   read_events.mjs MODULES PAGE
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, page] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const told = [];
const browser = await chromium.launch({ args: ["--no-sandbox"],
	executablePath: process.env.CHROMIUM });

const offered = (tab, where) => tab.$$eval(`${where} option`, (list) =>
	list.map((one) => [one.value, one.textContent]));

try {
	const tab = await (await browser.newContext({ offline: true })).newPage();

	await tab.goto(pathToFileURL(page).href);
	for (const [service, label] of await offered(tab, "#service")) {
		await tab.selectOption("#service", service);
		for (const [site] of await offered(tab, "#site")) {
			await tab.selectOption("#site", site);
			told.push([label.split(" ")[0], site,
				await tab.$$eval("#events li", (list) =>
					list.map((one) => one.textContent))]);
		}
	}
} finally {
	await browser.close();
}
console.log(JSON.stringify(told));
