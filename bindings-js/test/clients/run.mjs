// Plays tests/adapters under real clients, each with one line of unruffled under it and, for comparison, bare as a user
// installs it. It sends the results to the fault server, which checks them. Then it runs the tests beside it (*.test.mjs),
// unless one client or scenario was chosen. Needs `npm ci` here.
//
//   node test/clients/run.mjs [--client NAME[,NAME…]] [--mode unruffled|bare] [--scenario NAME[,NAME…]]
//
// A client is a file in the folder adapters that exports
//   name      its row in the table, also its place on the command line
//   packages  the first one's installed version is printed; empty for what comes with Node
//   under     what of unruffled is put under it: "createFetch", "unruffled/undici", …
//   make({ base, mode, policy, buffer, attempt, token, unruffled })   a client for one scenario:
//     base      URL without a slash at its end; whatever path the client wants may follow
//     mode      "unruffled": the adapter under it, its own retries off; "bare": its own retries at their defaults
//     policy    the scenario's, with baseUrl; buffer: the scenario's option of that name, for createFetch
//     attempt   bare only: ms for the client's own request timeout, if it has one, else undefined
//     token     () => the bearer token to send now, or undefined; refresh(): the next one, for clients with a hook for 401s
//     unruffled the package
// and gives back
//     read(call), write(call)  one operation each: resolves to `{ status }` for a returned status from 400 on, to anything
//                              truthy for a right answer, to anything falsy for a wrong one; rejects as the client does
//     stream(call)             to an async iterable of pieces, or `{ status }`
//     judge(error, call)       { status } for a raised status, { error: "cancelled" }, or { error: "native", family }
//     close()                  optional
// A call is `{ op, i, signal, reason }`: text for somewhere in the body, number within its action, the caller's signal
// (undefined if the scenario does not cancel) and what it is aborted with. An operation that is left out is absent from the client;
// `deaf: true` says that a caller cannot cancel it.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startFaults } from "../shared/faults.js";
import { ask, each, pause } from "../shared/scenarios.js";
import { Host } from "./host.mjs";

const LIMIT = 30_000;
const WIDTH = 8;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
  options: { client: { type: "string" }, mode: { type: "string" }, scenario: { type: "string" } },
});
const chosen = (option, name) => values[option] === undefined || values[option].split(",").includes(name);

// As npm installs it: entries and conditions are those of package.json.
if (!existsSync(here("node_modules"))) throw new Error("the clients are not installed: npm ci in test/clients");
if (!existsSync(here("node_modules/unruffled"))) symlinkSync("../../..", here("node_modules/unruffled"), "dir");
const unruffled = await import("unruffled");

const server = await startFaults(undefined, "tests/adapters");
const scenarios = (await ask(`${server.address}/_faults/scenarios?runtime=adapters`)).filter(({ name }) =>
  chosen("scenario", name),
);
const rows = [];
for (const client of await clients()) {
  await warm(client);
  for (const mode of ["unruffled", "bare"].filter((mode) => chosen("mode", mode))) {
    for (const scenario of scenarios) rows.push({ client, mode, scenario });
  }
}
const results = new Map();
const play = async (row) => results.set(row, await playOne(row).catch((error) => [String(error)]));
const alone = ({ scenario }) => scenario.alone === true;
await each(
  WIDTH,
  rows.filter((row) => !alone(row)),
  play,
);
await each(1, rows.filter(alone), play);
server.stop();
tell();
if (values.client === undefined && values.scenario === undefined && values.mode !== "bare") {
  const tests = readdirSync(here(".")).filter((file) => file.endsWith(".test.mjs"));
  const { status } = spawnSync(process.execPath, ["--test", ...tests.map(here)], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

/** Loads the clients: each is a file in the folder adapters. */
async function clients() {
  const files = readdirSync(here("adapters"));
  const all = await Promise.all(files.sort().map((file) => import(`./adapters/${file}`)));
  return all.filter(({ name }) => chosen("client", name));
}

/** Makes a first call, so that what a client loads then does not count as time of a scenario. */
async function warm(client) {
  const script = { answers: [{ sdk: "json", times: 4 }] };
  const { base } = await ask(`${server.address}/_faults/runs/${client.name}-warm`, "PUT", script);
  for (const mode of ["unruffled", "bare"]) {
    const host = new Host(unruffled, client, mode, {}, base);
    await host.play({ call: "GET /thing" });
    await host.play({ call: "POST /thing" });
    host.made.close?.();
  }
}

async function playOne({ client, mode, scenario }) {
  const run = `${client.name}-${mode}-${scenario.name}`.replaceAll(/[^A-Za-z0-9._-]/g, "-");
  const { base } = await ask(`${server.address}/_faults/runs/${run}`, "PUT", scenario.server);
  const host = new Host(unruffled, client, mode, scenario, base);
  const results = [];
  const played = (async () => {
    for (const action of scenario.do) results.push(await host.play(action));
    return true;
  })();
  const done = await Promise.race([played, pause(LIMIT)]);
  host.made.close?.();
  // The run stays until the server stops: deleting it would close connections of a pool that all clients share.
  const body = { scenario, results, credentialCalls: host.refreshed };
  const { failures } =
    done === true
      ? await ask(`${server.address}/_faults/runs/${run}/check?runtime=adapters`, "POST", body)
      : { failures: [`not over after ${LIMIT} ms`] };
  return failures;
}

function tell() {
  const version = ({ packages: [name] = [] }) =>
    name === undefined
      ? `Node ${process.versions.node}`
      : JSON.parse(readFileSync(here(`node_modules/${name}/package.json`), "utf8")).version;
  const table = rows.map((row) => ({
    runtime: "js",
    client: row.client.name,
    version: version(row.client),
    under: row.client.under,
    mode: row.mode,
    scenario: row.scenario.name,
    failures: results.get(row),
  }));
  if (process.env.UNRUFFLED_ADAPTERS !== undefined) {
    writeFileSync(process.env.UNRUFFLED_ADAPTERS, `${JSON.stringify(table, null, 1)}\n`);
  }
  for (const { client, mode, scenario, failures } of table) {
    const shown = mode === "unruffled" || values.mode === "bare";
    if (shown && failures.length > 0) console.log(`${client} ${mode} ${scenario}: ${failures.join("; ")}`);
  }
  const passed = table.filter(({ mode, failures }) => mode === "unruffled" && failures.length === 0);
  console.log(`adapters: ${passed.length} passed (js)`);
}
