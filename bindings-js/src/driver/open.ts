// Opens an engine for the user's policy. The core alone checks the policy; here it becomes text in a way that hides no
// mistake.

import { Core, Rejected } from "../core/boundary.js";
import { PolicyError } from "../core/errors.js";
import type { Policy } from "../core/policy.js";
import type { Settings } from "../core/settings.js";
import { type Clock, realLimits, systemClock } from "./clock.js";
import { Engine } from "./engine.js";
import { type Log, logTo } from "./events.js";

/** The options of an engine, beside its policy. */
export interface EngineOptions {
  /** Replaces the policy's `baseUrl`; needed in browsers where that is `{ "env": NAME }`. */
  readonly baseUrl?: string | undefined;
  /** Receives one line for each notable event; `console` fits. */
  readonly log?: Log | undefined;
  /** `"warn"`: unknown keys are skipped with a warning event. Default: they are errors. */
  readonly unknownKeys?: "error" | "warn" | undefined;
  /** The clock, for tests. */
  readonly clock?: Clock | undefined;
}

/** Opens an engine for a policy or a bare URL. @throws PolicyError */
export function open(policy: Policy | string, options: EngineOptions & { readonly fetch?: unknown }): Engine {
  const core = Core.open(textOf(policy), options.unknownKeys === "warn");
  if (core instanceof Rejected) throw new PolicyError(core.issues);
  const clock = options.clock ?? (options.fetch === undefined ? realLimits : systemClock);
  const engine = new Engine(core, clock);
  const base = options.baseUrl ?? fromEnvironment(engine.settings);
  if (base !== undefined) {
    const issues = core.base(base);
    if (issues.length > 0) throw new PolicyError(issues);
    engine.settings = JSON.parse(core.settings()) as Settings;
  }
  if (options.log !== undefined) engine.events.listen(logTo(options.log, engine.settings.name));
  return engine;
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

/** Turns a value that JSON would omit or make null into a word that the core refuses by name. */
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
