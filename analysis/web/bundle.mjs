// Print the page as C source: node bundle.mjs FOLDER NODE_MODULES
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [here, modules] = process.argv.slice(2).map((p) => resolve(p));
const esbuild = createRequire(join(modules, "x.js"))("esbuild");
const shipped = ["d3-geo", "d3-array", "internmap", "topojson-client",
	"uplot", "world-atlas"];

const { outputFiles } = await esbuild.build({
	entryPoints: [join(here, "page.js")],
	bundle: true,
	minify: true,
	write: false,
	format: "iife",
	target: "es2020",
	charset: "ascii",
	legalComments: "none",
	nodePaths: [modules],
	logLevel: "error",
});
// Nothing in the script may end its element.
const script = outputFiles[0].text.replaceAll("</script", "<\\/script")
	.replaceAll("<!--", "<\\!--");
const style = (await esbuild.transform(
	readFileSync(join(modules, "uplot/dist/uPlot.min.css"), "utf8") +
	readFileSync(join(here, "page.css"), "utf8"),
	{ loader: "css", minify: true })).code;
const licences = shipped.map((name) => {
	const { version } = JSON.parse(
		readFileSync(join(modules, name, "package.json"), "utf8"));
	let text = "";
	for (const file of ["LICENSE", "LICENSE.md"]) {
		try {
			text = readFileSync(join(modules, name, file), "utf8");
			break;
		} catch (error) {
			if (error.code !== "ENOENT")
				throw error;
		}
	}
	if (text === "")
		throw new Error(`${name}: no licence text`);
	return `${name} ${version}\n\n${text.trim()}\n`;
}).join("\n\n");

const escape = (text) => text.replaceAll("&", "&amp;")
	.replaceAll("<", "&lt;");
const hash = (text) => "'sha256-" +
	createHash("sha256").update(text).digest("base64") + "'";
const policy = `default-src 'none'; script-src ${hash(script)}; ` +
	`style-src ${hash(style)}; img-src data:; base-uri 'none'; ` +
	"form-action 'none'";
const page = readFileSync(join(here, "page.html"), "utf8")
	.replace("@POLICY@", () => policy)
	.replace("@STYLE@", () => style)
	.replace("@SCRIPT@", () => script)
	.replace("@LICENCES@", () => escape(licences));
const [head, tail] = page.split("@DATA@");

function literal(name, text) {
	const lines = [];
	const bytes = Buffer.from(text, "utf8");

	for (let i = 0; i < bytes.length; i += 60) {
		let line = "";
		for (const byte of bytes.subarray(i, i + 60)) {
			const c = String.fromCharCode(byte);
			line += byte < 32 || byte > 126 || '"\\?'.includes(c)
				? "\\" + byte.toString(8).padStart(3, "0") : c;
		}
		lines.push(`    "${line}"`);
	}
	return `extern const char ${name}[];\nconst char ${name}[] =\n` +
		lines.join("\n") + ";\n";
}
process.stdout.write(
	literal("html_page_head", head) + literal("html_page_tail", tail));
