// The retry loop that everybody has written once: three more tries after 200, 400 and 800 ms, for any error and for
// 429 and 5xx. No jitter, no budget, no breaker, no idempotency key, and Retry-After is not read. `cargo xtask demo` runs
// it beside the three clients; it takes and prints what their demo programs do.
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";

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
const rate = Number(given.rate);
const total = Math.round(rate * Number(given.seconds));
const every = 1 / Number(given.writes);

const started = performance.now();
const now = () => Math.round(performance.now() - started);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sum = { calls: 0, succeeded: 0, failed: 0, attempts: 0, waiting: 0, inFlight: 0 };
const failures = {};
const ends = [];

async function attempt(path, init) {
  sum.attempts += 1;
  sum.inFlight += 1;
  try {
    const response = await fetch(given.url + path, { ...init, signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return error.name === "TimeoutError" ? "timeout" : "network";
  } finally {
    sum.inFlight -= 1;
  }
}

async function withRetries(path, init) {
  for (let tries = 0; ; tries += 1) {
    const result = await attempt(path, init);
    const again = typeof result === "string" || result === 429 || result >= 500;
    if (!again || tries === 3) {
      return result;
    }
    sum.waiting += 1;
    await sleep(200 * 2 ** tries);
    sum.waiting -= 1;
  }
}

async function call(number) {
  const write = given.get === undefined && Math.floor((number + 1) / every) > Math.floor(number / every);
  const body = JSON.stringify({ op: randomUUID() });
  const headers = { "content-type": "application/json" };
  const start = now();
  sum.calls += 1;
  const result = write
    ? await withRetries("/orders", { method: "POST", headers, body })
    : await withRetries(given.get ?? `/items/${number}`, {});
  const ok = typeof result === "number" && result < 400;
  sum[ok ? "succeeded" : "failed"] += 1;
  if (!ok) {
    const reason = typeof result === "number" ? "status" : result;
    failures[reason] = (failures[reason] ?? 0) + 1;
  }
  ends.push([start, now(), ok ? 1 : 0, write ? "write" : "read"]);
}

const print = (value) => console.log(JSON.stringify(value));
const ticker = setInterval(() => print({ at: now(), ...sum, breaker: null, tokens: null }), 250);
const calls = [];
for (let number = 0; number < total; number += 1) {
  const due = (number * 1000) / rate - now();
  if (due > 0) {
    await sleep(due);
  }
  calls.push(call(number));
}
await Promise.all(calls);
clearInterval(ticker);
const latencies = ends.map(([start, end]) => end - start);
print({ done: true, calls: sum.calls, succeeded: sum.succeeded, failed: sum.failed, attempts: sum.attempts, failures, latencies, ends });
