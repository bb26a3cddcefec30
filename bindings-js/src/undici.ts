// An interceptor for undici's dispatchers, under its `fetch`, `request` and all else: one attempt is one dispatch of the
// dispatcher that it is composed with, whose pool, proxy, TLS and time limits stay its own. What an attempt brings (exchange.ts)
// is held back until the core says whether it counts, then goes through untouched. undici itself is never imported.

import { Dispatched, type Options, type Send } from "./dispatched.js";
import { controls, type DropIn } from "./dropin.js";
import type { Handler } from "./exchange.js";
import { type CommonOptions, open } from "./open.js";
import { Origins } from "./origins.js";
import type { Exact, Policy } from "./policy.js";

/** What an interceptor is made with, beside its policy. */
export interface InterceptorOptions extends Omit<CommonOptions, "fetch"> {
  /** `true`: bodies are read before a call counts as answered, so that one that breaks is retried. Default: streamed. */
  readonly buffer?: boolean | undefined;
}

/** `dispatch` of a dispatcher, as far as an interceptor's type goes: that of every undici from 7 on. */
export type Dispatch = {
  // A method, so that undici's own, narrower types fit in both directions.
  dispatch(options: object, handler: object): boolean;
}["dispatch"];

/** An interceptor that retries, waits and gives up as its policy says. */
export interface Interceptor extends DropIn {
  (dispatch: Dispatch): Dispatch;
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
  const driver = open(policy as Policy | string, options);
  const origins = new Origins(driver);
  const buffered = options.buffer === true;
  const intercept = (dispatch: Dispatch): Dispatch => {
    const inner = dispatch as Send;
    return (options: object, handler: object): boolean => {
      const given = options as Options;
      if (typeof (handler as Handler).onRequestStart !== "function")
        throw new TypeError("unruffled/undici needs undici 7 or newer");
      if (!isCall(given)) return inner(given, handler as Handler);
      return new Dispatched(origins, inner, given, handler as Handler, buffered).begin();
    };
  };
  const { explain, ...others } = controls(driver);
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
