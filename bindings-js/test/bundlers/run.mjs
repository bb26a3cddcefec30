// The slim entry in pages that other people's bundlers build, with the settings of the manual. Chromium loads each page,
// compiles the engine while it arrives, and makes a call that must be sent twice. `--only NAME` takes one bundler. Env
// CHROMIUM names the browser (default /usr/bin/chromium).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { BUNDLERS, developed } from "./bundlers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Makes the strictest content policy under which WebAssembly and the import map of Parcel work. */
function contentPolicy(html) {
  const map = /<script type=importmap>(.*?)<\/script>/s.exec(html)?.[1];
  const hash = map === undefined ? "" : ` 'sha256-${createHash("sha256").update(map).digest("base64")}'`;
  return `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'${hash}; img-src data:`;
}

/** Makes a project as a user has it: the page, and the package as npm would install it. */
function project() {
  const folder = mkdtempSync(`${tmpdir()}/unruffled-page-`);
  cpSync(here("page"), folder, { recursive: true });
  const installed = `${folder}/node_modules/unruffled`;
  mkdirSync(installed, { recursive: true });
  cpSync(here("../../package.json"), `${installed}/package.json`);
  cpSync(here("../../dist"), `${installed}/dist`, { recursive: true });
  return folder;
}

/** Answers a call of the page: 503, then the order. `seen` collects the statuses. Returns false for other requests. */
function order({ url }, response, seen) {
  if (url !== "/orders/7") return false;
  seen.push(seen.length === 0 ? 503 : 200);
  response.writeHead(seen.at(-1), { "content-type": "application/json" }).end('{"sku":"a1"}');
  return true;
}

/** Serves the built files and the page's API. */
function serve(folder, seen) {
  const policy = contentPolicy(readFileSync(`${folder}/index.html`, "utf8"));
  return (request, response) => {
    if (order(request, response, seen.calls)) return;
    const path = request.url === "/" ? "/index.html" : request.url.split("?")[0];
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    if (type === TYPES[".wasm"]) seen.engines++;
    response.writeHead(200, { "content-type": type, "content-security-policy": policy });
    response.end(readFileSync(folder + path));
  };
}

/** Loads a page and returns its order. Throws the errors of the page. */
async function loaded(browser, address) {
  const page = await browser.newPage();
  const problem = new Promise((_, reject) => page.on("pageerror", reject));
  const found = page.goto(address).then(() => page.waitForFunction(() => globalThis.order, null, { timeout: 20_000 }));
  const order = await Promise.race([found.then((handle) => handle.jsonValue()), problem]);
  await page.close();
  return order;
}

/** Returns the sizes of a built page in kB after gzip. */
function sizes(folder) {
  const files = readdirSync(folder, { recursive: true });
  const size = (end) => {
    const bytes = files
      .filter((file) => file.endsWith(end))
      .map((file) => gzipSync(readFileSync(`${folder}/${file}`), { level: 9 }).length);
    return (bytes.reduce((sum, each) => sum + each, 0) / 1000).toFixed(1);
  };
  return `script ${size("js")} kB, engine ${size(".wasm")} kB after gzip`;
}

/** Builds a page and checks it. */
async function built(browser, name, bundle) {
  const folder = project();
  const output = `${folder}/out`;
  await bundle({ folder, output, main: `${folder}/main.js`, page: `${folder}/index.html` });
  const seen = { calls: [], engines: 0 };
  const server = createServer(serve(output, seen));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    assert.deepEqual(await loaded(browser, `http://127.0.0.1:${server.address().port}/`), { sku: "a1" });
    assert.deepEqual(seen, { calls: [503, 200], engines: 1 });
    console.log(`${name}: ${sizes(output)}`);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

/** Checks the page under Vite's development server, which bundles packages in another way. */
async function served(browser) {
  const folder = project();
  const calls = [];
  const { address, stop } = await developed(folder, (request, response) => order(request, response, calls));
  try {
    assert.deepEqual(await loaded(browser, address), { sku: "a1" });
    assert.deepEqual(calls, [503, 200]);
    console.log("vite's development server: the engine came");
  } finally {
    await stop();
    rmSync(folder, { recursive: true });
  }
}

const at = process.argv.indexOf("--only");
const only = at < 0 ? undefined : process.argv[at + 1];
const args = ["--headless=new", "--no-sandbox", "--disable-gpu"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
try {
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    if (only === undefined || only === name) await built(browser, name, bundle);
  }
  if (only === undefined || only === "vite") await served(browser);
  if (only === undefined) console.log(`bundlers: ${Object.keys(BUNDLERS).length + 1} passed`);
} finally {
  await browser.close();
}
process.exit();
