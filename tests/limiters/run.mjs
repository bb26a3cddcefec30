// Tries the client before other people's rate limiters: `node run.mjs [--brief] [--only TEXT] [--width N]`. Prints a table; fails
// where a case does not keep to its bars. `--brief`: the cases of `cargo xtask test`, without the plain loop.
import { parseArgs } from "node:util";
import { cases } from "./cases.mjs";
import { client, figures, plain, play, wrong } from "./play.mjs";
import { missing, start, version } from "./server.mjs";

const { values } = parseArgs({
  options: { brief: { type: "boolean" }, only: { type: "string" }, width: { type: "string" } },
});
/** So many cases run at the same time; more of them would measure the machine. */
const width = Number(values.width ?? (values.brief ? 6 : 3));
const chosen = cases.filter((one) => (!values.brief || one.brief) && (!values.only || one.name.includes(values.only)));
const skipped = [];
const results = [];

/** Plays a case with one kind of caller. */
async function once(item, make) {
  const server = await start(item);
  try {
    const outcome = await play(make(server.address, item), item.calls);
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
  const ours = await once(item, client);
  const bare = values.brief ? null : await once(item, plain);
  results.push({ item, version: await version(item), ours, bare });
}

const queue = [...chosen];
const worker = async () => {
  for (let item = queue.shift(); item; item = queue.shift()) await both(item);
};
await Promise.all(Array.from({ length: width }, worker));
results.sort((a, b) => cases.indexOf(a.item) - cases.indexOf(b.item));

const columns = ({ calls, succeeded, goodput, refusedShare, longest }) =>
  [
    `${calls - succeeded} of ${calls}`,
    goodput === null ? "—" : goodput.toFixed(2),
    (100 * refusedShare).toFixed(1),
    (longest / 1_000).toFixed(1),
  ].join(" | ");

console.log(
  "| Limiter | version | failed | goodput | refused, % | longest, s | plain loop: failed | goodput | refused, % | longest, s |",
);
console.log("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
for (const { item, version, ours, bare } of results) {
  console.log(`| ${item.name} | ${version} | ${columns(ours)} | ${bare ? columns(bare) : " | | |"} |`);
}
for (const text of skipped) console.log(`skipped ${text}`);

let failed = 0;
for (const { item, ours } of results) {
  const reasons = wrong(item, ours);
  failed += reasons.length > 0 ? 1 : 0;
  for (const reason of reasons) console.log(`${item.name}: ${reason}`);
  if (reasons.length > 0 && ours.failures.length > 0)
    console.log(ours.failures[0].explain?.() ?? ours.failures[0].stack);
}
console.log(`limiters: ${results.length - failed} passed`);
process.exitCode = failed === 0 ? 0 : 1;
