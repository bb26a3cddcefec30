// Vectors, URL vectors, scenarios and recorded traces in a real Chromium: the code of the Node runners, bundled as a page.
// Fault server and page are one origin, so nothing here needs CORS. The browser: env CHROMIUM, else /usr/bin/chromium;
// the file of traces: env UNRUFFLED_TRACES, without it none are played. `--only NAME` plays one scenario.

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { startFaults } from "./shared/faults.js";
import { vectors } from "./shared/files.js";

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
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error}`));
  await page.goto(`${server.address}/_static/index.html`);
  await page.waitForFunction(() => globalThis.ready === true);
  const { core, url } = vectors();
  const played = await page.evaluate((lists) => globalThis.playVectors(lists), { core, url });
  const scenarios = await page.evaluate(([address, name]) => globalThis.play(address, name), [server.address, only]);
  const traces = await recorded(page);
  const failures = [...played.failures, ...scenarios.failures, ...traces.failures];
  for (const failure of failures) console.error(failure);
  console.log(`vectors: ${played.core} passed`);
  console.log(`url: ${played.url} passed`);
  console.log(`scenarios: ${scenarios.passed} passed (chromium)`);
  if (traces.passed > 0) console.log(`traces: ${traces.passed} passed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  await browser.close();
  server.stop();
  rmSync(folder, { recursive: true });
}

/** What the page makes of the file of traces, if there is one. */
async function recorded(page) {
  const file = process.env.UNRUFFLED_TRACES;
  if (file === undefined) return { passed: 0, failures: [] };
  copyFileSync(file, `${folder}/traces.bin`);
  return page.evaluate(() => globalThis.playTraces("traces.bin"));
}
