// The only file that knows how the core is reached: a WebAssembly module, instantiated at the first use. It owns the
// module and its traps, and decides nothing. A trap (a panic in the core) marks its engine dead.

import type { Issue } from "./settings.js";
import { DEAD_WORD, RANGE_WORD } from "./step-word.js";

/** What the module exports; wasm/src/lib.rs explains. An engine is the address of one. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  input(length: number): number;
  output(): number;
  length(): number;
  open(lenient: number): number;
  release(engine: number): void;
  brief(status: number, elapsed: number): void;
  header_key(quoted: number): void;
  base(engine: number): void;
  seed(engine: number, seed: number): void;
  route(engine: number): number;
  scope(engine: number, origin: number): number;
  begin(
    engine: number,
    call: number,
    now: number,
    target: number,
    scope: number,
    flags: number,
    deadline: number,
  ): number;
  respond(engine: number, call: number, now: number, status: number): number;
  respond_with(engine: number, call: number, now: number, wall: number, status: number, hints: number): number;
  fault(engine: number, call: number, now: number, fault: number): number;
  resume(engine: number, call: number, now: number): number;
  abandon(engine: number, call: number, now: number): number;
  token(engine: number, now: number, generation: number, expiresIn: number): number;
  token_failed(engine: number, now: number, generation: number, fault: number): number;
  free(engine: number, now: number, scope: number): number;
  online(engine: number, now: number): number;
  wake(engine: number): number;
  close(engine: number, now: number): number;
  settings(engine: number): void;
  subscribe(engine: number, kinds: number): void;
  events(engine: number): void;
  report(engine: number, call: number): void;
  snapshot(engine: number, now: number): void;
}

/** A policy that the core rejected. */
export class Rejected {
  constructor(readonly issues: readonly Issue[]) {}
}

let load: (() => object) | undefined;
let core: Exports | undefined;

/**
 * Registers the loader of an entry file, which returns the WebAssembly.Module; called at most once, at the first use.
 */
export function registerLoader(loader: () => object): void {
  load = loader;
}

/** Returns the module's one instance. Throws if no entry registered a loader, or if the platform forbids it. */
export function ready(): Exports {
  if (core !== undefined) return core;
  if (load === undefined) {
    throw new Error("unruffled: the engine is not loaded; call init() of unruffled/slim first");
  }
  needs("WebAssembly", "TextEncoder", "TextDecoder");
  core = new WebAssembly.Instance(load() as WebAssembly.Module).exports as unknown as Exports;
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

/** Frees unreachable engines, where the platform reports them. */
const unreachable =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : new FinalizationRegistry((engine: number) => ready().release(engine));

/** Copies bytes into the core's memory, one after the other; returns the length of the first. */
function give(first: Uint8Array, second?: Uint8Array): number {
  const { input, memory } = ready();
  const at = input(first.length + (second?.length ?? 0));
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(first, at);
  if (second !== undefined) bytes.set(second, at + first.length);
  return first.length;
}

const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reads the core's last text. */
function lastText(): string {
  const { output, length, memory } = ready();
  return new TextDecoder().decode(new Uint8Array(memory.buffer, output(), length()));
}

const whole32 = (value: number): boolean => value >>> 0 === value;

/**
 * One engine. Times are whole milliseconds. Every number is legal input, and a bad one returns a Misuse word. codes.ts
 * explains the words.
 */
export class Core {
  readonly #wasm = ready();
  readonly #engine: number;
  #dead = false;

  private constructor(engine: number) {
    this.#engine = engine;
    unreachable?.register(this, engine, this);
  }

  /** Opens an engine, or returns the issues of the policy text. Lenient: unknown keys are skipped with a warning. */
  static open(policy: string, lenient: boolean): Core | Rejected {
    const wasm = ready();
    give(encoded(policy));
    const engine = wasm.open(Number(lenient));
    return engine === 0 ? new Rejected(JSON.parse(lastText()) as Issue[]) : new Core(engine);
  }

  /** Returns the report of a call that was answered at once, as JSON. */
  static brief(status: number, elapsed: number): string {
    ready().brief(status, elapsed);
    return lastText();
  }

  /**
   * Returns the header value of a caller's idempotency key, as a string of RFC 9651 if `quoted`; empty if it fits no
   * header.
   */
  static headerKey(text: string, quoted: boolean): string {
    give(encoded(text));
    ready().header_key(Number(quoted));
    return lastText();
  }

  #trapped(): number {
    this.#dead = true;
    // A trap leaves the memory in an unknown state, so it is not touched again.
    unreachable?.unregister(this);
    return DEAD_WORD;
  }

  begin(call: number, now: number, target: number, scope: number, flags: number, deadline: number): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(target) || !whole32(scope) || !whole32(flags)) return RANGE_WORD;
    try {
      return this.#wasm.begin(this.#engine, call, now, target, scope, flags, deadline);
    } catch {
      return this.#trapped();
    }
  }

  respond(call: number, now: number, status: number): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(status)) return RANGE_WORD;
    try {
      return this.#wasm.respond(this.#engine, call, now, status);
    } catch {
      return this.#trapped();
    }
  }

  /** Reports an answer with watched headers as lines `name: value\n` (at most 8 KiB), and at most 4 KiB of the body. */
  respondWith(call: number, now: number, wall: number, status: number, hints: Uint8Array, body: Uint8Array): number {
    if (this.#dead) return DEAD_WORD;
    if (!whole32(call) || !whole32(status)) return RANGE_WORD;
    try {
      return this.#wasm.respond_with(this.#engine, call, now, wall, status, give(hints, body));
    } catch {
      return this.#trapped();
    }
  }

  fault(call: number, now: number, fault: number): number {
    if (!whole32(call) || !whole32(fault)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#wasm.fault(this.#engine, call, now, fault));
  }

  resume(call: number, now: number): number {
    if (!whole32(call)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#wasm.resume(this.#engine, call, now));
  }

  abandon(call: number, now: number): number {
    if (!whole32(call)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#wasm.abandon(this.#engine, call, now));
  }

  /** Reports a new token; `expiresIn` in ms, 0 = a plain string, asked for at every attempt. */
  token(now: number, generation: number, expiresIn: number): number {
    return this.#word(() => this.#wasm.token(this.#engine, now, generation, expiresIn));
  }

  tokenFailed(now: number, generation: number, fault: number): number {
    if (!whole32(fault)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#wasm.token_failed(this.#engine, now, generation, fault));
  }

  /** Frees a scope that no new call uses; its credential is dropped with the last call. */
  free(now: number, scope: number): number {
    if (!whole32(scope)) return this.#dead ? DEAD_WORD : RANGE_WORD;
    return this.#word(() => this.#wasm.free(this.#engine, now, scope));
  }

  online(now: number): number {
    return this.#word(() => this.#wasm.online(this.#engine, now));
  }

  /** Returns the id of a call that is ready, plus 1, as the argument; 0 = no more. */
  wake(): number {
    return this.#word(() => this.#wasm.wake(this.#engine));
  }

  close(now: number): number {
    return this.#word(() => this.#wasm.close(this.#engine, now));
  }

  /** Sets the base URL that the policy left to the host; returns the issues of a bad one. */
  base(url: string): readonly Issue[] {
    const issues = this.#text(() => {
      give(encoded(url));
      this.#wasm.base(this.#engine);
    }, "");
    return issues === "" ? [] : (JSON.parse(issues) as Issue[]);
  }

  /** Seeds the engine with a whole number below 2^52 from a CSPRNG, before the first `begin`. */
  seed(seed: number): void {
    this.#number(() => {
      this.#wasm.seed(this.#engine, seed);
      return 0;
    });
  }

  /**
   * Returns route and endpoint of `METHOD /template/{id}` or `METHOD https://origin/path`, as one number for `begin`.
   */
  route(text: string): number {
    return this.#number(() => {
      give(encoded(text));
      return this.#wasm.route(this.#engine) >>> 0;
    });
  }

  scope(origin: string, credential: string): number {
    return this.#number(() => this.#wasm.scope(this.#engine, give(encoded(origin), encoded(credential))) >>> 0);
  }

  /** Returns the resolved settings of the policy, as JSON. */
  settings(): string {
    return this.#text(() => this.#wasm.settings(this.#engine), "{}");
  }

  subscribe(kinds: number): void {
    this.#number(() => {
      this.#wasm.subscribe(this.#engine, kinds >>> 0);
      return 0;
    });
  }

  events(): string {
    return this.#text(() => this.#wasm.events(this.#engine), '{"dropped":0,"events":[]}');
  }

  /** Returns the stored report of a call as JSON, and frees it; `{"misuse":"unknown"}` if there is none. */
  report(call: number): string {
    return whole32(call) ? this.#text(() => this.#wasm.report(this.#engine, call), "") : "";
  }

  snapshot(now: number): string {
    return this.#text(() => this.#wasm.snapshot(this.#engine, now), "{}");
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

  #text(ask: () => void, otherwise: string): string {
    if (this.#dead) return otherwise;
    try {
      ask();
      return lastText();
    } catch {
      this.#trapped();
      return otherwise;
    }
  }
}
