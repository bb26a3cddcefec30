// What happened, as plain values: pulled from the core in batches at the end of calls, handed to listeners and, if asked
// for, written as one line each. Nobody listening costs nothing.

import type { Core } from "../core/boundary.js";
import type { Reason } from "../core/codes.js";

const KINDS = ["attempt", "wait", "breaker", "limiter", "refresh", "call", "stacked", "warning"] as const;

/** What can happen. */
export type EventKind = (typeof KINDS)[number];

/** Something that happened. Which fields are there depends on the kind. */
export interface ClientEvent {
  readonly kind: EventKind;
  /** Milliseconds since the client was made. */
  readonly at: number;
  readonly call?: number;
  /** The policy's pattern; empty where none fits. */
  readonly route?: string;
  /**
   * Whose breaker changed, or whose calls alone a 429 holds back: method and template of a verb, the method alone of a
   * drop-in. Without it and without a `route`, the API's.
   */
  readonly endpoint?: string;
  readonly scope?: number;
  readonly attempt?: number;
  readonly attempts?: number;
  readonly status?: number | null;
  readonly fault?: string | null;
  readonly reason?: Reason | null;
  readonly outcome?: string;
  /** How long it took, or takes. */
  readonly ms?: number;
  /** Which rule asked for a wait. */
  readonly rule?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly change?: string;
  readonly generation?: number;
  readonly text?: string;
}

/** Takes events one by one. What it throws is reported, not passed on. */
export type Listener = (event: ClientEvent) => void;

/** Where lines go: `console` is one. */
export interface Log {
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
}

/** Who listens to one engine. */
export class Observers {
  readonly #core: Core;
  readonly #listeners = new Map<symbol, { readonly kinds: readonly EventKind[]; readonly listener: Listener }>();

  constructor(core: Core) {
    this.#core = core;
  }

  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** Begins to listen; the answer ends it. @throws TypeError for what is no listener, or no kind. */
  listen(listener: Listener, kinds: EventKind | readonly EventKind[] = KINDS): () => void {
    if (typeof listener !== "function") throw new TypeError(NO_LISTENER);
    const id = Symbol();
    this.#listeners.set(id, { kinds: kindsOf(kinds), listener });
    this.#subscribe();
    return () => {
      if (this.#listeners.delete(id)) this.#subscribe();
    };
  }

  /** Hands over what has happened since the last time. */
  pull(): void {
    const { events } = JSON.parse(this.#core.events()) as { events: readonly ClientEvent[] };
    for (const event of events) {
      for (const { kinds, listener } of [...this.#listeners.values()]) {
        if (!kinds.includes(event.kind)) continue;
        try {
          listener(event);
        } catch (error) {
          report(error);
        }
      }
    }
  }

  #subscribe(): void {
    let mask = 0;
    for (const { kinds } of this.#listeners.values()) for (const kind of kinds) mask |= 1 << KINDS.indexOf(kind);
    this.#core.subscribe(mask);
  }
}

const NO_LISTENER =
  'on: the listener comes first, then the kinds; write on(listener, ["wait"]), or on(listener) for all';

function kindsOf(kinds: EventKind | readonly EventKind[]): readonly EventKind[] {
  const list = typeof kinds === "string" ? [kinds] : kinds;
  for (const kind of list) {
    if (!KINDS.includes(kind))
      throw new TypeError(`on: ${JSON.stringify(kind)} is no kind of event; the kinds are ${KINDS.join(", ")}`);
  }
  return list;
}

/** Writes one line for everything worth a line. */
export function logTo(log: Log, name: string): Listener {
  return (event) => {
    const { kind, at, ...rest } = event;
    const told = Object.entries(rest).map(
      ([key, value]) => `${key}=${typeof value === "string" ? plain(value) : value}`,
    );
    const line = `unruffled ${name} ${kind} ${told.join(" ")}`;
    if (kind === "attempt" || kind === "wait") log.debug(line);
    else if (kind === "call") (event.reason ? log.warn : log.debug).call(log, line);
    else if (kind === "refresh") log.info(line);
    else log.warn(line);
  };
}

/** Control characters of a foreign text do not reach a log. */
function plain(text: string): string {
  return JSON.stringify(text);
}

function report(error: unknown): void {
  const scope = globalThis as { reportError?: (error: unknown) => void };
  if (scope.reportError !== undefined) scope.reportError(error);
  else console.error(error);
}
