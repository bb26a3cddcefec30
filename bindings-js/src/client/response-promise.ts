// What a verb gives back: a Promise of the platform's Response that also knows json(), text() and bytes(). Whether a body
// is buffered must be known before the first attempt, so the call begins one tick later.

import { run } from "../driver/driver.js";
import type { Engine } from "../driver/engine.js";
import { bytesOf, utf8 } from "../http/response.js";
import type { Order } from "./request.js";

/** A call on its way: a Promise of the Response, and what is usually wanted of it. */
export interface Answer extends Promise<Response> {
  /**
   * The parsed body; undefined for an empty one. Called in the tick of the verb, the body belongs to the call: what
   * breaks or stalls in it is retried. Rejects with a SyntaxError for what is no JSON.
   */
  json<T = unknown>(): Promise<T>;
  /** The body as text; as with {@link Answer.json}. */
  text(): Promise<string>;
  /** The body; as with {@link Answer.json}. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

const orders = new WeakMap<Promise<Response>, Order>();

// Not a subclass: `constructor` stays Promise, so that awaiting is as cheap as ever.
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
export function answer(engine: Engine, order: Order): Answer {
  const promise = run(engine, order, "next tick");
  orders.set(promise, order);
  return Object.setPrototypeOf(promise, prototype) as Answer;
}

/** A call that cannot begin. */
export function refused(error: unknown): Answer {
  return Object.setPrototypeOf(Promise.reject(error), prototype) as Answer;
}

async function body(promise: Promise<Response>): Promise<Uint8Array<ArrayBuffer>> {
  const order = orders.get(promise);
  if (order !== undefined && !order.fixed) order.buffered = true;
  const response = await promise;
  return bytesOf(response) ?? new Uint8Array(await response.arrayBuffer());
}
