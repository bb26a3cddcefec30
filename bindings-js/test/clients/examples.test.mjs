// Runs the examples of examples/adapters against a server that first answers 503.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startFaults } from "../shared/faults.js";
import { ROOT } from "../shared/files.js";
import { ask } from "../shared/scenarios.js";

const run = promisify(execFile);
const folder = `${ROOT}examples/adapters/`;
// The folder from which their imports are resolved, as in a user's own program.
const beside = fileURLToPath(new URL("node_modules/.examples/", import.meta.url));

const ANSWERS = { "ai.mjs": { sdk: "events" } };
const TOLD = /^ok\n2 attempts/m;
const PRINTED = {
  "ai.mjs": /^ab$/m,
  "axios.mjs": TOLD,
  "openai.mjs": /^ok$/m,
  "octokit.mjs": /^status 200$/m,
  "undici.mjs": TOLD,
};

let server;
before(async () => {
  mkdirSync(beside, { recursive: true });
  server = await startFaults(undefined, "tests/adapters");
});
after(() => server.stop());

describe("examples", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".mjs"))) {
    it(name, async () => {
      const answers = [{ status: 503, sdk: "json" }, ANSWERS[name] ?? { sdk: "json" }];
      const { base } = await ask(`${server.address}/_faults/runs/${name}`, "PUT", { answers });
      copyFileSync(folder + name, beside + name);
      const env = { ...process.env, API_URL: base, OPENAI_API_KEY: "none", GITHUB_TOKEN: "none" };
      const { stdout } = await run(process.execPath, [beside + name], { env, timeout: 20_000 });
      assert.match(stdout, PRINTED[name] ?? /./);
      const { totals } = await ask(`${server.address}/_faults/runs/${name}?brief`);
      assert.equal(totals.requests, 2);
    });
  }
});
