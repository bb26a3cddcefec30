// The open loop of a demo program that is not ours: calls begin on time whatever becomes of earlier ones, progress is
// printed four times a second, the outcome of every call at the end. Arguments and lines are those of the demo clients.
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";

const text = { type: "string" };
const { values: given } = parseArgs({
  options: { url: text, policy: text, rate: text, seconds: text, writes: text, get: text, kind: text },
});
const started = performance.now();
const now = () => Math.round(performance.now() - started);
const sum = { calls: 0, succeeded: 0, failed: 0, attempts: null, waiting: null, breaker: null, tokens: null };
const failures = {};
const ends = [];

/** The word behind `--kind`. */
export const kind = given.kind;

/** Numbers that the live line shows; a program fills in what it knows. */
export const shown = sum;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Plays the calls. `send(url, { method, headers, body })` gives the final status, or throws. */
export async function play(send) {
  const rate = Number(given.rate);
  const writes = Number(given.writes ?? 0);
  const print = (value) => console.log(JSON.stringify(value));
  const ticker = setInterval(() => print({ at: now(), ...sum }), 250);
  const calls = [];
  for (let number = 0; number < Math.round(rate * Number(given.seconds)); number += 1) {
    const due = (number * 1000) / rate - now();
    if (due > 0) await sleep(due);
    const write = given.get === undefined && Math.floor((number + 1) * writes) > Math.floor(number * writes);
    calls.push(call(send, write ? order() : { path: given.get ?? `/items/${number}`, method: "GET" }));
  }
  await Promise.all(calls);
  clearInterval(ticker);
  const { calls: begun, succeeded, failed, attempts } = sum;
  const latencies = ends.map(([start, end]) => end - start);
  print({ done: true, calls: begun, succeeded, failed, attempts, failures, latencies, ends });
  process.exit();
}

function order() {
  const headers = { "content-type": "application/json" };
  return { path: "/orders", method: "POST", headers, body: JSON.stringify({ op: randomUUID() }) };
}

async function call(send, { path, ...init }) {
  const start = now();
  sum.calls += 1;
  let reason;
  try {
    const status = await send(given.url + path, init);
    if (status >= 400) reason = "status";
  } catch (error) {
    reason = error.name ?? "error";
  }
  sum[reason === undefined ? "succeeded" : "failed"] += 1;
  if (reason !== undefined) failures[reason] = (failures[reason] ?? 0) + 1;
  ends.push([start, now(), reason === undefined ? 1 : 0, init.method === "GET" ? "read" : "write"]);
}
