// An interceptor for undici's dispatchers, under its `fetch`, `request` and all else. One attempt is one dispatch of
// the composed dispatcher, whose pool, proxy, TLS and time limits stay its own. The answer of an attempt (attempt.ts)
// is held back until the core decides, then passes unchanged. undici itself is never imported.

import { checkOptions } from "../../core/options.js";
import type { Exact, Policy } from "../../core/policy.js";
import { open } from "../../driver/open.js";
import type { CommonOptions } from "../../http/sender.js";
import { controls, type DropIn } from "../drop-in.js";
import { Origins } from "../origins.js";
import { type Options, type Send, UndiciCall } from "./call.js";

/** The options of an interceptor, beside its policy. */
export interface InterceptorOptions extends Omit<CommonOptions, "fetch"> {
  /** As in `createFetch`: `true` reads bodies before a call counts as answered, so that a broken one is retried. */
  readonly buffer?: boolean | undefined;
}

/** The `dispatch` of a dispatcher. `never`: each major of undici has its own types. */
export type Dispatch = (options: never, handler: never) => boolean;

/** An interceptor that retries, waits and gives up as its policy says. */
export interface Interceptor extends DropIn {
  <D extends Dispatch>(dispatch: D): D;
}

/**
 * Makes an interceptor for undici 7 or 8: `new Agent().compose(createInterceptor(policy))`. Put it after those that
 * shall act on each attempt and before those that shall see one call (a later one is further out).
 *
 * @param policy - the policy, or a bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export function createInterceptor<const P extends Policy>(
  policy: (P & Exact<P, Policy>) | string,
  options: InterceptorOptions = {},
): Interceptor {
  checkOptions(options, "buffer");
  const engine = open(policy as Policy | string, options);
  const origins = new Origins(engine);
  const buffered = options.buffer === true;
  const intercept = <D extends Dispatch>(dispatch: D): D => {
    const send = dispatch as unknown as Send;
    const intercepted: Send = (given, handler) => {
      if (typeof handler.onRequestStart !== "function") throw new TypeError("unruffled/undici needs undici 7 or newer");
      return isCall(given) ? new UndiciCall(origins, send, given, handler, buffered).begin() : send(given, handler);
    };
    return intercepted as unknown as D;
  };
  const { explain, ...others } = controls(engine);
  // undici makes the result of `request`; its `context` is ours.
  return Object.assign(intercept, {
    ...others,
    explain: (ended: object) => explain((ended as { context?: object }).context ?? ended),
  });
}

/**
 * Reports whether to pass the request on: a tunnel or another protocol can be opened only once, and undici refuses
 * incomplete options itself.
 */
function isCall({ path, method, upgrade }: Options): boolean {
  return typeof path === "string" && typeof method === "string" && method !== "CONNECT" && !upgrade;
}
