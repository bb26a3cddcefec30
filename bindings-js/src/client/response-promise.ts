// The result of a verb: a Promise of the platform's Response that also has json(), text() and bytes(). Whether the body
// is buffered must be known before the first attempt. So the call begins one tick later.

import { run } from "../driver/driver.js";
import type { Engine } from "../driver/engine.js";
import { bytesOf, utf8 } from "../http/response.js";
import type { VerbCall } from "./request.js";

/** A Promise of the Response, with the usual ways to read its body. */
export interface Answer extends Promise<Response> {
  /**
   * Reads the body as JSON; undefined for an empty one. Called in the tick of the verb, it makes the body part of the
   * call: a body that breaks or stalls is then retried. Rejects with a SyntaxError for a body that is not JSON.
   */
  json<T = unknown>(): Promise<T>;
  /** Reads the body as text; retried as for {@link Answer.json}. */
  text(): Promise<string>;
  /** Reads the body as bytes; retried as for {@link Answer.json}. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

const calls = new WeakMap<Promise<Response>, VerbCall>();

// Not a subclass: `constructor` stays Promise, which keeps `await` cheap.
const prototype = Object.create(Promise.prototype, {
  json: {
    async value(this: Promise<Response>): Promise<unknown> {
      const text = utf8(await body(this));
      return text === "" ? undefined : JSON.parse(text);
    },
  },
  text: {
    async value(this: Promise<Response>): Promise<string> {
      return utf8(await body(this));
    },
  },
  bytes: {
    value(this: Promise<Response>): Promise<Uint8Array<ArrayBuffer>> {
      return body(this);
    },
  },
}) as object;

/** Begins a call once the verb's tick is over. */
export function beginLater(engine: Engine, call: VerbCall): Answer {
  const promise = run(engine, call, "next tick");
  calls.set(promise, call);
  return Object.setPrototypeOf(promise, prototype) as Answer;
}

/** Returns a call that is rejected before it begins. */
export function rejected(error: unknown): Answer {
  return Object.setPrototypeOf(Promise.reject(error), prototype) as Answer;
}

async function body(promise: Promise<Response>): Promise<Uint8Array<ArrayBuffer>> {
  const call = calls.get(promise);
  if (call !== undefined && !call.fixed) call.buffered = true;
  const response = await promise;
  return bytesOf(response) ?? new Uint8Array(await response.arrayBuffer());
}
