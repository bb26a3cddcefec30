// A client under steady load, for `cargo xtask demo`: calls start on schedule whatever becomes of the earlier ones. One
// line of JSON every 250 ms, and one with everything at the end.
//
//   node examples/demo.mjs --url BASE --policy FILE --rate CALLS_PER_SECOND --seconds S --writes SHARE [--get PATH]

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CallError, createClient } from "unruffled";

const { values: given } = parseArgs({
  options: {
    url: { type: "string" },
    policy: { type: "string" },
    rate: { type: "string" },
    seconds: { type: "string" },
    writes: { type: "string", default: "0" },
    get: { type: "string" },
  },
});

const client = createClient(JSON.parse(readFileSync(given.policy, "utf8")), { baseUrl: given.url });
const rate = Number(given.rate);
const total = Math.round(rate * Number(given.seconds));
const share = given.get === undefined ? Number(given.writes) : 0;

const started = performance.now();
const now = () => Math.round((performance.now() - started) * 10) / 10;
const sum = { calls: 0, succeeded: 0, failed: 0 };
const failures = {};
const ends = [];

/** Call number n is a write where the share of writes so far says so. */
const isWrite = (n) => Math.floor((n + 1) * share) > Math.floor(n * share);

async function call(n) {
  const write = isWrite(n);
  const start = now();
  sum.calls += 1;
  let ok = 1;
  try {
    if (write) await client.post("/orders", { json: { op: crypto.randomUUID() } }).bytes();
    else if (given.get !== undefined) await client.get(given.get).bytes();
    else await client.get("/items/{n}", { path: { n } }).bytes();
    sum.succeeded += 1;
  } catch (error) {
    ok = 0;
    sum.failed += 1;
    const reason = error instanceof CallError ? error.reason : String(error);
    failures[reason] = (failures[reason] ?? 0) + 1;
  }
  ends.push([start, now(), ok, write ? "write" : "read"]);
}

function progress() {
  const { attempts, inFlight, waiting, upstreams } = client.snapshot();
  const [upstream] = upstreams;
  const breaker = upstream?.breaker ?? "closed";
  const tokens = upstream === undefined ? null : Math.round(upstream.budget / 10_000) / 100;
  console.log(JSON.stringify({ at: now(), ...sum, attempts, breaker, tokens, waiting, inFlight }));
}

const ticker = setInterval(progress, 250);
const calls = [];
for (let n = 0; n < total; n += 1) {
  const due = (n * 1000) / rate - now();
  if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
  calls.push(call(n));
}
await Promise.all(calls);
clearInterval(ticker);
const latencies = ends.map(([start, end]) => Math.round((end - start) * 10) / 10);
const { attempts } = client.snapshot();
console.log(JSON.stringify({ done: true, ...sum, attempts, failures, latencies, ends }));
