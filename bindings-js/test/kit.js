// Shared by the unit tests: a clock that the test moves, and a fetch that plays a script.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

export { settled, TestClock } from "./shared/clock.js";

/**
 * Makes a fetch that answers from a list: a Response or a function of (url, init) for each call, then the last one for all
 * others. It refuses a `this`, obeys its signal, and records its arguments in `calls`.
 */
export function scripted(...answers) {
  const calls = [];
  async function fetch(input, init) {
    if (this !== undefined) throw new TypeError("Illegal invocation");
    calls.push({ input, init, headers: new Headers(init?.headers ?? input.headers) });
    if (init?.signal?.aborted) throw init.signal.reason;
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    if (typeof answer !== "function") return answer.clone();
    const signal = init?.signal ?? new AbortController().signal;
    const aborted = new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return Promise.race([answer(input, init), aborted]);
  }
  return Object.assign(fetch, { calls });
}

/** Returns a promise that never settles. */
export const silent = () => new Promise(() => {});

/** Makes an error as Node's fetch throws it. */
export function networkError(code, more = {}) {
  const cause = Object.assign(new Error(code), { code, ...more });
  return new TypeError("fetch failed", { cause });
}

/** Makes an answer of a script that fails as the network does. */
export const fails = (code, more) => () => Promise.reject(networkError(code, more));

/** Makes a JSON response. */
export function json(value, status = 200, headers = {}) {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", ...headers } });
}

/** Makes a response whose body the test sends piece by piece. */
export function pieces(status = 200, headers = {}) {
  let controller;
  const body = new ReadableStream({ start: (given) => void (controller = given) });
  return {
    response: new Response(body, { status, headers }),
    push: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    break: (error) => controller.error(error),
    stops(signal) {
      signal?.addEventListener("abort", () => controller.error(signal.reason));
    },
  };
}

/** Observes a promise: its state, and its value or error. */
export function watched(promise) {
  const seen = { state: "pending", value: undefined, error: undefined };
  promise.then(
    (value) => Object.assign(seen, { state: "fulfilled", value }),
    (error) => Object.assign(seen, { state: "rejected", error }),
  );
  return seen;
}

/** Runs a server on loopback while `use` runs. */
export async function serving(answer, use) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${server.address().port}`, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Reads a file of the package. */
export const packageFile = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
