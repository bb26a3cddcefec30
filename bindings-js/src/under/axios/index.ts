// An adapter for axios. One attempt is one call of the adapter that axios itself would use, so proxies, agents,
// redirects, progress, transforms and the instance's own time limit stay. axios is passed in, never imported: errors
// are then of the caller's own copy.

import { checkOptions } from "../../core/options.js";
import type { Exact, Policy } from "../../core/policy.js";
import { run } from "../../driver/driver.js";
import { open } from "../../driver/open.js";
import type { CommonOptions } from "../../http/sender.js";
import { controls, type DropIn } from "../drop-in.js";
import { Origins } from "../origins.js";
import { AxiosCall, type AxiosErrors, type Config, type Send, urlOf } from "./call.js";
import type { AxiosResponse } from "./reply.js";

/** The options of an adapter, beside its policy. */
export interface AdapterOptions extends Omit<CommonOptions, "fetch"> {
  /**
   * The sender of requests: an adapter of axios, its name, or a list of which the first that fits. Default: axios's
   * own.
   */
  readonly adapter?: unknown;
}

/** axios itself, as far as it is used here: any version from 1.5 on. */
export interface Axios {
  // Of each version's own types only the results matter here.
  getAdapter(adapters: never, config?: never): unknown;
  readonly AxiosError: AxiosErrors;
  readonly defaults: { readonly adapter?: unknown };
}

/** An adapter that retries, waits and gives up as its policy says: axios's own type, with controls. */
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
  // Read now, not at each call: this adapter may become axios's default itself.
  const inner = options.adapter ?? axios.defaults.adapter;
  const adapter = async (config: Config): Promise<AxiosResponse> => {
    const send = axios.getAdapter(inner as never, config as never) as Send;
    const url = urlOf(config);
    if (url === null) return send(config);
    const call = new AxiosCall(origins, axios.AxiosError, send, config, url);
    const { response, error } = await run(engine, call, "at once");
    if (error !== null) throw error;
    return response;
  };
  return Object.assign(adapter, controls(engine)) as unknown as Adapter<A>;
}
