// Tries the client before other people's rate limiters. `node run.mjs [--brief] [--only TEXT] [--json FILE] [--watch]`
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { cases } from "./cases.mjs";
import { client, figures, plain, play } from "./play.mjs";
import { missing, start, version } from "./server.mjs";

const { values } = parseArgs({
  options: { brief: { type: "boolean" }, only: { type: "string" }, json: { type: "string" }, watch: { type: "boolean" }, width: { type: "string" } },
});
const WIDTH = Number(values.width ?? 6);

const chosen = cases.filter((one) => (!values.brief || one.brief) && (!values.only || one.name.includes(values.only)));
const skipped = [];
const results = [];

async function one(item, make) {
  const server = await start(item);
  try {
    const outcome = await play(make(server.address), item.calls);
    return { ...figures(item, outcome, await server.counts()), failures: outcome.failures };
  } finally {
    await server.stop();
  }
}

async function both(item) {
  const why = missing(item);
  if (why !== null) {
    skipped.push(`${item.name}: ${why}`);
    return;
  }
  const watch = values.watch ? (api) => watched(api) : undefined;
  const ours = await one(item, (address) => client(address, watch));
  const bare = values.brief ? null : await one(item, plain);
  results.push({ name: item.name, version: await version(item), told: item.told, place: cases.indexOf(item), ours, bare });
}

function watched(api) {
  const started = performance.now();
  const timer = setInterval(() => console.log(((performance.now() - started) / 1_000).toFixed(1), JSON.stringify(api.snapshot())), 500);
  timer.unref();
  api.on(["limiter", "breaker"], (event) => console.log(((performance.now() - started) / 1_000).toFixed(3), JSON.stringify(event)));
}

const queue = [...chosen];
await Promise.all(
  Array.from({ length: WIDTH }, async () => {
    for (let item = queue.shift(); item; item = queue.shift()) await both(item);
  }),
);
results.sort((a, b) => a.place - b.place);

const shown = ({ calls, succeeded, goodput, refusedShare, longest }) =>
  `${calls - succeeded} of ${calls} | ${goodput === null ? "—" : goodput.toFixed(2)} | ${(100 * refusedShare).toFixed(1)} | ${(longest / 1_000).toFixed(1)}`;
console.log("| Limiter | version | failed | goodput | refused, % | longest, s | plain loop: failed | goodput | refused, % | longest, s |");
console.log("|---|---|---|---|---|---|---|---|---|---|");
for (const { name, version, ours, bare } of results) {
  console.log(`| ${name} | ${version} | ${shown(ours)} | ${bare ? shown(bare) : "| | |"} |`);
}
for (const text of skipped) console.log(`skipped ${text}`);
for (const { name, ours } of results) {
  for (const error of ours.failures.slice(0, 2)) console.log(`${name}: ${error.explain?.() ?? error.stack}`);
}
if (values.json) writeFileSync(values.json, JSON.stringify(results, (key, value) => (key === "failures" ? value.map(String) : value), 1));
