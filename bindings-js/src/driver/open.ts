// From what the user gives as a policy to an engine and its driver. The policy is checked by the core alone; here it is
// only turned into text in a way that hides no mistake.

import { Core, needs, Rejected } from "../core/boundary.js";
import { PolicyError } from "../core/errors.js";
import type { Policy } from "../core/policy.js";
import type { Settings } from "../core/settings.js";
import type { Dispatcher, Seen } from "../http/dispatcher.js";
import { node } from "../http/node.js";
import { type Clock, realLimits, systemClock } from "./clock.js";
import { Driver } from "./driver.js";
import { type Log, logTo } from "./events.js";

/** A fetch of the platform's kind. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What a client and a drop-in have in common. */
export interface CommonOptions {
  /** In place of the policy's `baseUrl`; needed in browsers where that is `{ "env": NAME }`. */
  readonly baseUrl?: string | undefined;
  /** What sends the requests. Default: `globalThis.fetch`, looked up at each call. */
  readonly fetch?: Fetch | undefined;
  /** Writes one line for everything worth a line; `console` will do. */
  readonly log?: Log | undefined;
  /** `"warn"`: keys that this version does not know are left out with a warning event. Default: they are errors. */
  readonly unknownKeys?: "error" | "warn" | undefined;
  /** Time, for tests. */
  readonly clock?: Clock | undefined;
}

/** Opens an engine for a policy or a bare URL. @throws PolicyError */
export function open(policy: Policy | string, options: CommonOptions): Driver {
  const core = Core.open(textOf(policy), options.unknownKeys === "warn");
  if (core instanceof Rejected) throw new PolicyError(core.issues);
  const clock = options.clock ?? (options.fetch === undefined ? realLimits : systemClock);
  const driver = new Driver(core, clock);
  const base = options.baseUrl ?? fromEnvironment(driver.settings);
  if (base !== undefined) {
    const issues = core.base(base);
    if (issues.length > 0) throw new PolicyError(issues);
    driver.settings = JSON.parse(core.settings()) as Settings;
  }
  if (options.log !== undefined) driver.observers.listen(logTo(options.log, driver.settings.name));
  return driver;
}

function textOf(policy: Policy | string): string {
  if (typeof policy === "string") {
    if (!policy.includes("://")) throw refuse("", "policy: neither a URL nor an object; import the file and pass it");
    return JSON.stringify({ baseUrl: policy });
  }
  try {
    return JSON.stringify(policy, visible);
  } catch (error) {
    throw refuse("", `policy: not JSON; ${error instanceof Error ? error.message.split("\n")[0] : "it is circular"}`);
  }
}

/** What JSON would silently leave out or make null becomes a word that the core can name and refuse. */
function visible(_key: string, value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
    case "symbol":
      return String(value);
    case "function":
      return "a function";
    default:
      return value;
  }
}

function fromEnvironment(settings: Settings): string | undefined {
  const { baseUrl } = settings;
  if (baseUrl === null || typeof baseUrl === "string") return undefined;
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const value = process?.env?.[baseUrl.env];
  if (value !== undefined && value !== "") return value;
  const why = process?.env === undefined ? "there is no environment here" : `${baseUrl.env} is not set`;
  throw refuse("baseUrl", `baseUrl: ${why}; pass the baseUrl option`);
}

function refuse(path: string, text: string): PolicyError {
  return new PolicyError([{ path, text, line: 1, column: 1 }]);
}

/** An `init` of Node's fetch. */
export type Guarded = RequestInit & { dispatcher?: Dispatcher | undefined };

/**
 * Lets Node's own fetch see where a compressed body ends. `watched`: what is seen beneath is noted, and given back.
 */
export function guard(fetch: Fetch, init: Guarded, watched: boolean): Seen | null {
  if (node === null || fetch !== globalThis.fetch) return null;
  const seen = watched ? { hops: 0, origin: "", status: 0, raw: [] } : undefined;
  const dispatcher = node.guardedDispatcher(init.dispatcher, seen);
  if (dispatcher === undefined) return null;
  init.dispatcher = dispatcher;
  return seen ?? null;
}

const BRAND = Symbol.for("unruffled.fetch");

/** Marks a fetch as ours, across copies of this package. */
export function branded<F extends Fetch>(fetch: F): F {
  return Object.defineProperty(fetch, BRAND, { value: true });
}

/** Whether a fetch is ours, of whichever copy of this package. */
export function isBranded(fetch: Fetch | undefined): boolean {
  return fetch !== undefined && (fetch as unknown as Record<symbol, unknown>)[BRAND] === true;
}

/** Where requests go: the option, else the global `fetch` of the moment, unless that is a drop-in made of this package. */
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

/** Whether this runs in a web page or one of its workers, where some headers cost a preflight. */
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
