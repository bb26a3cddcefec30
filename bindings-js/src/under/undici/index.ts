// An interceptor for undici's dispatchers, under its `fetch`, `request` and all else: one attempt is one dispatch of the
// dispatcher that it is composed with, whose pool, proxy, TLS and time limits stay its own. What an attempt brings (exchange.ts)
// is held back until the core says whether it counts, then goes through untouched. undici itself is never imported.

import { checkOptions } from "../../core/options.js";
import type { Exact, Policy } from "../../core/policy.js";
import { open } from "../../driver/open.js";
import type { CommonOptions } from "../../http/sender.js";
import { controls, type DropIn } from "../drop-in.js";
import { Origins } from "../origins.js";
import { Dispatched, type Options, type Send } from "./call.js";

/** What an interceptor is made with, beside its policy. */
export interface InterceptorOptions extends Omit<CommonOptions, "fetch"> {
  /** As of `createFetch`: `true` reads bodies before a call counts as answered, so that one that breaks is retried. */
  readonly buffer?: boolean | undefined;
}

/** `dispatch` of a dispatcher. Its parts are named by nobody: each major of undici has types of its own for them. */
export type Dispatch = (options: never, handler: never) => boolean;

/** An interceptor that retries, waits and gives up as its policy says. */
export interface Interceptor extends DropIn {
  <D extends Dispatch>(dispatch: D): D;
}

/**
 * Makes an interceptor for undici 7 or 8: `new Agent().compose(createInterceptor(policy))`. Put it after those that shall act
 * on each attempt and before those that shall see one call (a later one is further out).
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
      return isCall(given) ? new Dispatched(origins, send, given, handler, buffered).begin() : send(given, handler);
    };
    return intercepted as unknown as D;
  };
  const { explain, ...others } = controls(engine);
  // What `request` resolves to is made by undici; its `context` is ours.
  return Object.assign(intercept, {
    ...others,
    explain: (ended: object) => explain((ended as { context?: object }).context ?? ended),
  });
}

/** A tunnel or another protocol can be made but once; what lacks its parts is undici's to refuse. */
function isCall({ path, method, upgrade }: Options): boolean {
  return typeof path === "string" && typeof method === "string" && method !== "CONNECT" && !upgrade;
}
