// Plays vectors, URL vectors, scenarios, recorded traces and the torture in a real Chromium. The runners are those of Node,
// bundled as a page. The fault server serves the page, so that no request needs CORS. Env CHROMIUM names the browser
// (default /usr/bin/chromium), env UNRUFFLED_TRACES the file of traces. `--only NAME` plays one scenario.

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

/** The number of calls that end with a page, a frame and a worker, a third each. A browser makes six at a time to a host. */
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
  // A page of its own, because the trap must be set before the engine is loaded.
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

/** Opens a page with the runners in it. */
async function opened(browser) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error}`));
  await page.goto(`${server.address}/_static/index.html`);
  await page.waitForFunction(() => globalThis.ready === true);
  return page;
}

/** Ends a page, a frame and a worker with calls in flight. Returns how many of these calls the server saw end. */
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

/** Sends a control request. It is sent again if it was sent on a connection that a run has broken. */
async function ask(url, method = "GET", body = undefined, tries = 5) {
  try {
    return await (await fetch(url, { method, body })).json();
  } catch (error) {
    if (tries > 1) return ask(url, method, body, tries - 1);
    throw error;
  }
}

/** Plays the file of traces in the page, if there is one. */
async function recorded(page) {
  const file = process.env.UNRUFFLED_TRACES;
  if (file === undefined) return { passed: 0, failures: [] };
  copyFileSync(file, `${folder}/traces.bin`);
  return page.evaluate(() => globalThis.playTraces("traces.bin"));
}
