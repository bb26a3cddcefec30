// The sender of requests: the caller's `fetch` or the platform's.

import { needs } from "../core/boundary.js";
import type { EngineOptions } from "../driver/open.js";

/** A fetch of the platform's kind. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** The options of every client and drop-in. */
export interface CommonOptions extends EngineOptions {
  /** The sender of requests. Default: `globalThis.fetch`, looked up at each call. */
  readonly fetch?: Fetch | undefined;
}

const BRAND = Symbol.for("unruffled.fetch");

/** Marks a fetch as ours, across copies of this package. */
export function branded<F extends Fetch>(fetch: F): F {
  return Object.defineProperty(fetch, BRAND, { value: true });
}

/** Reports whether a fetch is ours, of any copy of this package. */
export function isBranded(fetch: Fetch | undefined): boolean {
  return fetch !== undefined && (fetch as unknown as Record<symbol, unknown>)[BRAND] === true;
}

/** Returns the sender: the option, else the current global `fetch`, unless that is a drop-in of this package. */
export function sender(options: CommonOptions): () => Fetch {
  const given = options.fetch;
  const atFirst = globalThis.fetch as Fetch;
  return () => {
    const now = given ?? (globalThis.fetch as Fetch | undefined);
    if (now === undefined || globalThis.Response === undefined) {
      needs("Response", ...(given === undefined ? ["fetch"] : []));
    }
    return given === undefined && isBranded(now) ? atFirst : (now as Fetch);
  };
}

/** Reports whether this runs in a web page or one of its workers, where some headers cost a preflight. */
export function inBrowser(): boolean {
  const scope = globalThis as {
    document?: unknown;
    WorkerGlobalScope?: unknown;
    process?: { versions?: { node?: string } };
  };
  if (scope.process?.versions?.node !== undefined) return false;
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? "";
  if (agent === "Cloudflare-Workers" || agent.startsWith("Deno") || agent.startsWith("Bun")) return false;
  return scope.document !== undefined || scope.WorkerGlobalScope !== undefined;
}
