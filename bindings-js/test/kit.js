// What the unit tests share: a clock that moves only when told to, and a fetch that plays a script.

import { readFileSync } from "node:fs";

/** A virtual clock: `now` and timers, in milliseconds. */
export class TestClock {
  time = 1000;
  unix = 1_767_225_600_000;
  #timers = new Set();

  now() {
    return this.time;
  }

  wall() {
    return this.unix + this.time - 1000;
  }

  timer(ms, then, quiet) {
    const timer = { due: this.time + ms, then, quiet };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are set, and of those the ones that keep the process alive. */
  get pending() {
    return [...this.#timers];
  }

  /** Lets everything happen that can happen now, then moves on by `ms`, firing what falls due on the way. */
  async pass(ms) {
    const end = this.time + ms;
    await settled();
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.time = Math.max(this.time, next.due);
      next.then();
      await settled();
    }
    this.time = end;
    await settled();
  }
}

/** Until every promise that can settle without time passing has done so. */
export async function settled() {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

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
export function pieces(status = 200) {
  let controller;
  const body = new ReadableStream({ start: (given) => void (controller = given) });
  return {
    response: new Response(body, { status }),
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

/** A file of the package. */
export const packageFile = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
