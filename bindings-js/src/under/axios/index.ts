// An adapter for axios: one attempt is one call of the adapter that axios would have used by itself, so proxies, agents,
// redirects, progress, transforms and the instance's own time limit stay what they are. axios is handed over, never imported:
// errors are then of the caller's own copy of it.

import { checkOptions } from "../../core/options.js";
import type { Exact, Policy } from "../../core/policy.js";
import { run } from "../../driver/driver.js";
import { open } from "../../driver/open.js";
import type { CommonOptions } from "../../http/sender.js";
import { controls, type DropIn } from "../drop-in.js";
import { Origins } from "../origins.js";
import { type AxiosErrors, type Config, Requested, type Send, urlOf } from "./call.js";
import type { AxiosResponse } from "./reply.js";

/** What an adapter is made with, beside its policy. */
export interface AdapterOptions extends Omit<CommonOptions, "fetch"> {
  /** What sends the requests: an adapter of axios, its name, or a list of which the first that fits. Default: axios's own. */
  readonly adapter?: unknown;
}

/** axios itself, as far as it is needed here: any version from 1.5 on. */
export interface Axios {
  // Of each version's own types only what comes out matters here.
  getAdapter(adapters: never, config?: never): unknown;
  readonly AxiosError: AxiosErrors;
  readonly defaults: { readonly adapter?: unknown };
}

/** An adapter that retries, waits and gives up as its policy says: axios's own type of one, and what can be asked of it. */
export type Adapter<A extends Axios> = ReturnType<A["getAdapter"]> & DropIn;

/**
 * Makes an adapter: `axios.create({ adapter: createAdapter(axios, policy) })`.
 *
 * @param axios - axios itself, as imported; the adapter's errors are instances of its classes.
 * @param policy - the policy, or a bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export function createAdapter<A extends Axios, const P extends Policy>(
  axios: A,
  policy: (P & Exact<P, Policy>) | string,
  options: AdapterOptions = {},
): Adapter<A> {
  if (typeof axios?.getAdapter !== "function") {
    throw new TypeError("createAdapter(axios, policy) needs axios itself, 1.5 or newer: npm install axios");
  }
  checkOptions(options, "adapter");
  const engine = open(policy as Policy | string, options);
  const origins = new Origins(engine);
  // Now, not at each call: the adapter may become axios's default itself.
  const inner = options.adapter ?? axios.defaults.adapter;
  const adapter = async (config: Config): Promise<AxiosResponse> => {
    const send = axios.getAdapter(inner as never, config as never) as Send;
    const url = urlOf(config);
    if (url === null) return send(config);
    const call = new Requested(origins, axios.AxiosError, send, config, url);
    const { response, error } = await run(engine, call, "at once");
    if (error !== null) throw error;
    return response;
  };
  return Object.assign(adapter, controls(engine)) as unknown as Adapter<A>;
}
