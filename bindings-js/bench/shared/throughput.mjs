// Measures with the Node that runs it; see ../throughput.mjs.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { figureOfRounds } from "./figures.mjs";
import { column, quick } from "./nodes.mjs";
import { peers, undicis } from "./peers.mjs";

const WIDTH = 64;
const ROUNDS = quick ? 2 : 7;
const LENGTH = quick ? 150 : 700;

/** Keeps `WIDTH` calls in flight for `LENGTH` ms; gives calls per second and the latencies in ms. */
async function round(call) {
  const times = [];
  const start = performance.now();
  const end = start + LENGTH;
  const worker = async () => {
    for (let now = performance.now(); now < end; ) {
      await call();
      const after = performance.now();
      times.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  return { perSecond: (times.length * 1000) / (performance.now() - start), times };
}

const server = spawn(process.execPath, [fileURLToPath(new URL("server.mjs", import.meta.url))], {
  stdio: ["pipe", "pipe", "inherit"],
});
const base = await new Promise((resolve) => server.stdout.once("data", (line) => resolve(String(line).trim())));
const all = [...(await peers(base, undefined)), ...(await undicis(base, null))];
// Octokit waits for timers of its own between two requests.
const kinds = all.filter(({ slow, row }) => !slow && !row.includes("without") && !row.includes("await"));
const found = kinds.map(() => []);
for (let at = -1; at < ROUNDS; at++) {
  for (let turn = 0; turn < kinds.length; turn++) {
    const kind = (turn + at + 1) % kinds.length;
    const result = await round(kinds[kind].call);
    if (at >= 0) found[kind].push(result);
  }
}
const bare = found[0];
for (const [at, { row }] of kinds.entries()) {
  const put = (table, rounds, unit, percent) => {
    const title = `Node: ${WIDTH} calls in flight on loopback, one process, ${table}`;
    figureOfRounds(title, row, column, rounds, unit, percent);
  };
  put(
    "calls a second",
    found[at].map(({ perSecond }) => perSecond),
    "/s",
  );
  put(
    "calls a second beside bare fetch",
    found[at].map(({ perSecond }, index) => perSecond / bare[index].perSecond),
    "×",
  );
  put(
    "p99 latency",
    found[at].map(({ times }) => times),
    "ms",
    99,
  );
}
server.stdin.end();
process.exit();
