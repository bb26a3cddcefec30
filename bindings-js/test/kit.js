// What the unit tests share: a clock that moves only when told to, and a fetch that plays a script.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

export { settled, TestClock } from "./shared/clock.js";

/**
 * A fetch that answers from a list: a Response or a function of (url, init) for each call, the last one again and again.
 * It refuses a `this`, heeds its signal, and keeps what it was called with in `calls`.
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

/** Never answers. */
export const silent = () => new Promise(() => {});

/** An error as Node's fetch throws it. */
export function networkError(code, more = {}) {
  const cause = Object.assign(new Error(code), { code, ...more });
  return new TypeError("fetch failed", { cause });
}

/** A failed network, for a script. */
export const fails = (code, more) => () => Promise.reject(networkError(code, more));

/** A JSON answer. */
export function json(value, status = 200, headers = {}) {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", ...headers } });
}

/** A body that gives its pieces one by one, each when `next` is called. */
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

/** What a promise came to, if anything yet. */
export function watched(promise) {
  const seen = { state: "pending", value: undefined, error: undefined };
  promise.then(
    (value) => Object.assign(seen, { state: "fulfilled", value }),
    (error) => Object.assign(seen, { state: "rejected", error }),
  );
  return seen;
}

/** A server on loopback while `use` runs. */
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

/** A file of the package. */
export const packageFile = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
