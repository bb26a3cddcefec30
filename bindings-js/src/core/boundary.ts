// The only file that knows how the core is reached: a WebAssembly module, instantiated at the first use. It owns the
// module and its traps, and decides nothing. A trap (a panic in the core) marks its engine dead.

import { loadGlue } from "unruffled:glue";
import type * as Glue from "../../wasm/pkg/engine.js";
import type { Issue } from "./settings.js";
import { DEAD_WORD, RANGE_WORD } from "./step-word.js";

/** A policy that the core rejected. */
export class Rejected {
  constructor(readonly issues: readonly Issue[]) {}
}

let load: (() => object) | undefined;
let core: typeof Glue | undefined;

/**
 * Registers the loader of an entry file, which returns the WebAssembly.Module; called at most once, at the first use.
 */
export function registerLoader(loader: () => object): void {
  load = loader;
}

/** Returns the module's one instance. Throws if no entry registered a loader, or if the platform forbids it. */
export function ready(): typeof Glue {
  if (core !== undefined) return core;
  if (load === undefined) {
    throw new Error("unruffled: the engine is not loaded; call init() of unruffled/slim first");
  }
  needs("WebAssembly", "TextEncoder", "TextDecoder");
  const glue = loadGlue();
  const { exports } = new WebAssembly.Instance(load() as WebAssembly.Module, { "./engine_bg.js": glue });
  glue.__wbg_set_wasm(exports);
  (exports.__wbindgen_start as () => void)();
  core = glue as unknown as typeof Glue;
  return core;
}

/** Checks that the platform has these globals. Throws an error that names all that are missing, and says what to do. */
export function needs(...names: string[]): void {
  const lacking = names.filter((name) => (globalThis as Record<string, unknown>)[name] === undefined);
  if (lacking.length === 0) return;
  const elsewhere = "call from a server (Hermes, Lockdown Mode)";
  const cure = lacking[0] === "WebAssembly" ? elsewhere : `set it on globalThis (Jest: testEnvironment "node")`;
  const error = new Error(`unruffled: this platform has no ${lacking.join(", no ")}; ${cure}`);
  error.name = "NotSupportedError";
  throw error;
}

/** Engines that trapped. They are kept, so that none is freed: a trap leaves the memory in an unknown state. */
const trapped: Glue.Engine[] = [];

const whole32 = (value: number): boolean => value >>> 0 === value;

/**
 * One engine. Times are whole milliseconds. Every number is legal input, and a bad one returns a Misuse word. codes.ts
 * explains the words.
 */
export class Core {
  readonly #engine: Glue.Engine;
  #dead = false;

  private constructor(engine: Glue.Engine) {
    this.#engine = engine;
  }

  /** Opens an engine, or returns the issues of the policy text. Lenient: unknown keys are skipped with a warning. */
  static open(policy: string, lenient: boolean): Core | Rejected {
    const { Engine, issues } = ready();
    const engine = Engine.open(policy, lenient);
    return engine === undefined ? new Rejected(JSON.parse(issues(policy, lenient)) as Issue[]) : new Core(engine);
  }

  /** Returns the report of a call that was answered at once, as JSON. */
  static brief(status: number, elapsed: number): string {
    return ready().brief(status, elapsed);
  }

  /**
   * Returns the header value of a caller's idempotency key, as a string of RFC 9651 if `quoted`; empty if it fits no
   * header.
   */
  static headerKey(text: string, quoted: boolean): string {
    return ready().header_key(text, quoted);
  }

  #trapped(): number {
    this.#dead = true;
    trapped.push(this.#engine);
    return DEAD_WORD;
  }

  begin(call: number, now: number, target: number, scope: number, flags: number, deadline: number): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(target) || !whole32(scope) || !whole32(flags)) return RANGE_WORD;
    try {
      return this.#engine.begin(call, now, target, scope, flags, deadline);
    } catch {
      return this.#trapped();
    }
  }

  respond(call: number, now: number, status: number): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(status)) return RANGE_WORD;
    try {
      return this.#engine.respond(call, now, status);
    } catch {
      return this.#trapped();
    }
  }

  /** Reports an answer with watched headers as lines `name: value\n` (at most 8 KiB), and at most 4 KiB of the body. */
  respondWith(call: number, now: number, wall: number, status: number, hints: Uint8Array, body: Uint8Array): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(status)) return RANGE_WORD;
    try {
      return this.#engine.respond_with(call, now, wall, status, hints, body);
    } catch {
      return this.#trapped();
    }
  }

  fault(call: number, now: number, fault: number): number {
    if (!whole32(call) || !whole32(fault)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.fault(call, now, fault));
  }

  resume(call: number, now: number): number {
    if (!whole32(call)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.resume(call, now));
  }

  abandon(call: number, now: number): number {
    if (!whole32(call)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.abandon(call, now));
  }

  /** Reports a new token; `expiresIn` in ms, 0 = a plain string, asked for at every attempt. */
  token(now: number, generation: number, expiresIn: number): number {
    return this.#word(() => this.#engine.token(now, generation, expiresIn));
  }

  /** Reports that no token came; `retryAfter` in ms is the token endpoint's own, 0 = none. */
  tokenFailed(now: number, generation: number, fault: number, retryAfter: number): number {
    if (!whole32(fault)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.token_failed(now, generation, fault, retryAfter));
  }

  /** Begins a fetch beside the calls, after a Send with RENEW: a Refresh word, or Done if there is nothing to do. */
  renew(now: number, scope: number): number {
    if (!whole32(scope)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.renew(now, scope));
  }

  /** Forgets the token of a scope's credential. */
  reset(now: number, scope: number): number {
    if (!whole32(scope)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.reset(now, scope));
  }

  /** Frees a scope that no new call uses; its credential is dropped with the last call. */
  free(now: number, scope: number): number {
    if (!whole32(scope)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.free_scope(now, scope));
  }

  online(now: number): number {
    return this.#word(() => this.#engine.online(now));
  }

  /** Returns the id of a call that is ready, plus 1, as the argument; 0 = no more. */
  wake(): number {
    return this.#word(() => this.#engine.wake());
  }

  close(now: number): number {
    return this.#word(() => this.#engine.close(now));
  }

  /** Sets the base URL that the policy left to the host; returns the issues of a bad one. */
  base(url: string): readonly Issue[] {
    const issues = this.#guarded(() => this.#engine.base(url), "");
    return issues === "" ? [] : (JSON.parse(issues) as Issue[]);
  }

  /** Seeds the engine with a whole number below 2^52 from a CSPRNG, before the first `begin`. */
  seed(seed: number): void {
    this.#guarded(() => this.#engine.seed(seed), undefined);
  }

  /**
   * Returns route and endpoint of `METHOD /template/{id}` or `METHOD https://origin/path`, as one number for `begin`.
   */
  route(text: string): number {
    return this.#guarded(() => this.#engine.route(text), 0);
  }

  scope(origin: string, credential: string): number {
    return this.#guarded(() => this.#engine.scope(origin, credential), 0);
  }

  /** Returns the resolved settings of the policy, as JSON. */
  settings(): string {
    return this.#guarded(() => this.#engine.settings(), "{}");
  }

  subscribe(kinds: number): void {
    this.#guarded(() => this.#engine.subscribe(kinds >>> 0), undefined);
  }

  events(): string {
    return this.#guarded(() => this.#engine.events(), '{"dropped":0,"events":[]}');
  }

  /** Returns the stored report of a call as JSON, and frees it; `{"misuse":"unknown"}` if there is none. */
  report(call: number): string {
    return whole32(call) ? this.#guarded(() => this.#engine.report(call), "") : "";
  }

  snapshot(now: number): string {
    return this.#guarded(() => this.#engine.snapshot(now), "{}");
  }

  #word(ask: () => number): number {
    return this.#guarded(ask, DEAD_WORD);
  }

  /** Asks the engine, and returns `otherwise` if it is dead or traps. */
  #guarded<T>(ask: () => T, otherwise: T): T {
    if (this.#dead) return otherwise;
    try {
      return ask();
    } catch {
      this.#trapped();
      return otherwise;
    }
  }
}
