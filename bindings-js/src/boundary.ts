// The only file that knows how the core is reached: a WebAssembly module, instantiated at the first use. It owns the
// module and the traps; it decides nothing. A trap (a panic in the core) marks its engine dead.

import * as glue from "unruffled:glue";
import type { Issue } from "./settings.js";
import { DEAD_WORD, RANGE_WORD } from "./word.js";

/** A policy that the core rejected. */
export class Rejected {
  constructor(readonly issues: readonly Issue[]) {}
}

let load: (() => object) | undefined;
let attached = false;

/** An entry file says where the WebAssembly.Module comes from; called at most once, at the first use. */
export function registerLoader(loader: () => object): void {
  load = loader;
}

/** Instantiates the module if that has not happened. Throws where no entry gave one or the platform forbids it. */
export function ready(): void {
  if (attached) return;
  if (load === undefined) {
    throw new Error("unruffled: the engine is not loaded; call init() of unruffled/slim first");
  }
  glue.attach(load() as WebAssembly.Module);
  attached = true;
}

const whole32 = (value: number): boolean => value >>> 0 === value;

/**
 * One engine. Times are whole milliseconds; every number is legal input and a bad one gives a Misuse word. Words are
 * explained in word.ts.
 */
export class Core {
  readonly #engine: glue.Engine;
  #dead = false;

  private constructor(engine: glue.Engine) {
    this.#engine = engine;
  }

  /** Opens an engine, or says what is wrong with the policy text. Lenient: unknown keys are left out with a warning. */
  static open(policy: string, lenient: boolean): Core | Rejected {
    ready();
    const engine = glue.open(policy, lenient);
    return engine === undefined ? new Rejected(JSON.parse(glue.why()) as Issue[]) : new Core(engine);
  }

  /** The report of a call that was answered at once, as JSON. */
  static brief(status: number, elapsed: number): string {
    ready();
    return glue.brief(status, elapsed);
  }

  #trapped(): number {
    this.#dead = true;
    return DEAD_WORD;
  }

  begin(call: number, now: number, route: number, scope: number, what: number, deadline: number): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(route) || !whole32(scope) || !whole32(what)) return RANGE_WORD;
    try {
      return this.#engine.begin(call, now, route, scope, what, deadline);
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

  /** With headers that the core asked for, as lines `name: value\n` (at most 8 KiB), and at most 4 KiB of the body. */
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

  /** The answer to Refresh; `expiresIn` in ms, 0 = a plain string that is asked for at every attempt. */
  token(now: number, generation: number, expiresIn: number): number {
    return this.#word(() => this.#engine.token(now, generation, expiresIn));
  }

  tokenFailed(now: number, generation: number, fault: number): number {
    if (!whole32(fault)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#engine.token_failed(now, generation, fault));
  }

  online(now: number): number {
    return this.#word(() => this.#engine.online(now));
  }

  /** The id of a call that may go, plus 1, as the argument; 0 = no more. */
  wake(): number {
    return this.#word(() => this.#engine.wake());
  }

  close(now: number): number {
    return this.#word(() => this.#engine.close(now));
  }

  /** Puts in the base URL that the policy left to the host; the issues if it is none. */
  base(url: string): readonly Issue[] {
    const issues = this.#text(() => this.#engine.base(url), "");
    return issues === "" ? [] : (JSON.parse(issues) as Issue[]);
  }

  /** A whole number below 2^52 from a CSPRNG, before the first `begin`. */
  seed(seed: number): void {
    this.#number(() => {
      this.#engine.seed(seed);
      return 0;
    });
  }

  route(target: string): number {
    return this.#number(() => this.#engine.route(target));
  }

  scope(origin: string, credential: string): number {
    return this.#number(() => this.#engine.scope(origin, credential));
  }

  /** What the host needs of the policy, as JSON. */
  settings(): string {
    return this.#text(() => this.#engine.settings(), "{}");
  }

  subscribe(kinds: number): void {
    this.#number(() => {
      this.#engine.subscribe(kinds >>> 0);
      return 0;
    });
  }

  events(): string {
    return this.#text(() => this.#engine.events(), '{"dropped":0,"events":[]}');
  }

  /** The report of a call that kept its record (it is freed by this), as JSON; empty if it kept none. */
  report(call: number): string {
    return whole32(call) ? this.#text(() => this.#engine.report(call), "") : "";
  }

  snapshot(now: number): string {
    return this.#text(() => this.#engine.snapshot(now), "{}");
  }

  #word(ask: () => number): number {
    if (this.#dead) return DEAD_WORD;
    try {
      return ask();
    } catch {
      return this.#trapped();
    }
  }

  #number(ask: () => number): number {
    const word = this.#word(ask);
    return word === DEAD_WORD ? 0 : word;
  }

  #text(ask: () => string, otherwise: string): string {
    if (this.#dead) return otherwise;
    try {
      return ask();
    } catch {
      this.#trapped();
      return otherwise;
    }
  }
}
