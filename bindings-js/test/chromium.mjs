// Vectors, URL vectors, scenarios, recorded traces and the torture in a real Chromium: the code of the Node runners, bundled as a page.
// Fault server and page are one origin, so nothing here needs CORS. The browser: env CHROMIUM, else /usr/bin/chromium;
// the file of traces: env UNRUFFLED_TRACES, without it none are played. `--only NAME` plays one scenario.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { startFaults } from "./shared/faults.js";
import { scenarios, vectors } from "./shared/files.js";
import { EXPECTED, SCRIPT } from "./shared/xhr.js";

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Calls that are torn down, a third each with a page, a frame and a worker; a browser makes six at a time to one host. */
const TORN = 12;

const at = process.argv.indexOf("--only");
const only = at < 0 ? undefined : process.argv[at + 1];
const folder = mkdtempSync(`${tmpdir()}/unruffled-`);
await build({
  entryPoints: [new URL("shared/page.js", import.meta.url).pathname],
  bundle: true,
  format: "esm",
  target: "es2022",
  outfile: `${folder}/page.js`,
  logLevel: "warning",
});
writeFileSync(
  `${folder}/index.html`,
  '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>',
);

const server = await startFaults(folder);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
try {
  const page = await opened(browser);
  const { core, url } = vectors();
  const played = await page.evaluate((lists) => globalThis.playVectors(lists), { core, url });
  const scenes = await page.evaluate(([address, name]) => globalThis.play(address, name), [server.address, only]);
  const traces = await recorded(page);
  const failures = [...played.failures, ...scenes.failures, ...traces.failures];
  for (const failure of failures) console.error(failure);
  console.log(`vectors: ${played.core} passed`);
  console.log(`url: ${played.url} passed`);
  console.log(`scenarios: ${scenes.passed} passed (chromium)`);
  if (traces.passed > 0) console.log(`traces: ${traces.passed} passed`);
  if (only === undefined) {
    const { base } = await ask(`${server.address}/_faults/runs/xhr`, "PUT", JSON.stringify(SCRIPT));
    assert.deepEqual(await page.evaluate((base) => globalThis.overXhr(base), base), EXPECTED);
    console.log("axios over XMLHttpRequest: passed");
  }
  // In a page of its own: the engine must not be loaded yet where it is to trap.
  const other = await opened(browser);
  const tortured = await other.evaluate((given) => globalThis.torture(...given), [scenarios("chromium"), only]);
  for (const line of tortured.lines) console.log(line);
  const gone = only === undefined ? await tornDown(browser) : TORN;
  console.log(`teardown: the server saw ${gone} of ${TORN} calls go`);
  process.exitCode = failures.length > 0 || tortured.failed || gone !== TORN ? 1 : 0;
} finally {
  await browser.close();
  server.stop();
  rmSync(folder, { recursive: true });
}

/** A fresh page with the runners in it. */
async function opened(browser) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error}`));
  await page.goto(`${server.address}/_static/index.html`);
  await page.waitForFunction(() => globalThis.ready === true);
  return page;
}

/** Calls on their way in a page, a frame and a worker that end; how many of them the server saw go. */
async function tornDown(browser) {
  const run = `${server.address}/_faults/runs/teardown`;
  const script = '{"then":{"fault":"stall-headers"}}';
  const { base } = await ask(run, "PUT", script);
  const totals = async () => (await ask(`${run}?brief`)).totals;
  const until = async (name, count) => {
    for (let i = 0; i < 400 && (await totals())[name] < count; i++) await new Promise((next) => setTimeout(next, 25));
  };
  const page = await opened(browser);
  const each = TORN / 3;
  await page.evaluate(
    async (given) => {
      const frame = document.createElement("iframe");
      frame.src = "index.html";
      document.body.append(frame);
      while (frame.contentWindow?.ready !== true) await new Promise((next) => setTimeout(next, 5));
      frame.contentWindow.busy(...given);
    },
    [base, each],
  );
  await until("requests", each);
  await page.evaluate(() => document.querySelector("iframe").remove());
  await until("gone", each);
  await page.evaluate(
    (given) => {
      globalThis.worker = new Worker("page.js", { type: "module" });
      globalThis.worker.postMessage(given);
    },
    [base, each],
  );
  await until("requests", 2 * each);
  await page.evaluate(() => globalThis.worker.terminate());
  await until("gone", 2 * each);
  await page.evaluate((given) => globalThis.busy(...given), [base, each]);
  await until("requests", TORN);
  await page.close();
  await until("gone", TORN);
  return (await totals()).gone;
}

/** A control request. A connection that a run has broken may be the one that is taken: then once more. */
async function ask(url, method = "GET", body = undefined, tries = 5) {
  try {
    return await (await fetch(url, { method, body })).json();
  } catch (error) {
    if (tries > 1) return ask(url, method, body, tries - 1);
    throw error;
  }
}

/** What the page makes of the file of traces, if there is one. */
async function recorded(page) {
  const file = process.env.UNRUFFLED_TRACES;
  if (file === undefined) return { passed: 0, failures: [] };
  copyFileSync(file, `${folder}/traces.bin`);
  return page.evaluate(() => globalThis.playTraces("traces.bin"));
}
