// Events as plain values. They are pulled from the core in batches at the end of calls, passed to listeners and, on
// request, logged as one line each. Free when there are no listeners.

import type { Core } from "../core/boundary.js";
import { EVENT_KINDS, type Reason } from "../core/codes.js";

/** The kinds of events. */
export type EventKind = (typeof EVENT_KINDS)[number];

/** One event. Its fields depend on the kind. */
export interface ClientEvent {
  readonly kind: EventKind;
  /** Milliseconds since the client was made. */
  readonly at: number;
  readonly call?: number;
  /** The policy's pattern; empty where none matches. */
  readonly route?: string;
  /**
   * The endpoint whose breaker changed, or whose calls alone a 429 holds: method and template of a verb, the method
   * alone of a drop-in. Without it and without a `route`: the API.
   */
  readonly endpoint?: string;
  readonly scope?: number;
  readonly attempt?: number;
  readonly attempts?: number;
  readonly status?: number | null;
  readonly fault?: string | null;
  readonly reason?: Reason | null;
  readonly outcome?: string;
  /** Duration so far or to come, in ms. */
  readonly ms?: number;
  /** The rule that asked for a wait. */
  readonly rule?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly change?: string;
  readonly generation?: number;
  readonly text?: string;
}

/** Receives events one by one. An exception is reported, not passed on. */
export type Listener = (event: ClientEvent) => void;

/** The receiver of log lines; `console` is one. */
export interface Log {
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
}

/** The listeners of one engine. */
export class EventListeners {
  readonly #core: Core;
  readonly #listeners = new Map<symbol, { readonly kinds: readonly EventKind[]; readonly listener: Listener }>();

  constructor(core: Core) {
    this.#core = core;
  }

  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** Adds a listener; the returned function removes it. @throws TypeError for an invalid listener or kind. */
  listen(listener: Listener, kinds: EventKind | readonly EventKind[] = EVENT_KINDS): () => void {
    if (typeof listener !== "function") throw new TypeError(NO_LISTENER);
    const id = Symbol();
    this.#listeners.set(id, { kinds: kindsOf(kinds), listener });
    this.#subscribe();
    return () => {
      if (this.#listeners.delete(id)) this.#subscribe();
    };
  }

  /** Passes on the events since the last pull. */
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
    for (const { kinds } of this.#listeners.values()) for (const kind of kinds) mask |= 1 << EVENT_KINDS.indexOf(kind);
    this.#core.subscribe(mask);
  }
}

const NO_LISTENER =
  'on: the listener comes first, then the kinds; write on(listener, ["wait"]), or on(listener) for all';

function kindsOf(kinds: EventKind | readonly EventKind[]): readonly EventKind[] {
  const list = typeof kinds === "string" ? [kinds] : kinds;
  for (const kind of list) {
    if (!EVENT_KINDS.includes(kind))
      throw new TypeError(`on: ${JSON.stringify(kind)} is no kind of event; the kinds are ${EVENT_KINDS.join(", ")}`);
  }
  return list;
}

/** Makes a listener that logs one line for each notable event. */
export function logTo(log: Log, name: string): Listener {
  return (event) => {
    const { kind, at, ...rest } = event;
    const fields = Object.entries(rest).map(
      ([key, value]) => `${key}=${typeof value === "string" ? plain(value) : value}`,
    );
    const line = `unruffled ${name} ${kind} ${fields.join(" ")}`;
    if (kind === "attempt" || kind === "wait") log.debug(line);
    else if (kind === "call") (event.reason ? log.warn : log.debug).call(log, line);
    else if (kind === "refresh") log.info(line);
    else log.warn(line);
  };
}

/** Escapes control characters of a foreign text. */
function plain(text: string): string {
  return JSON.stringify(text);
}

function report(error: unknown): void {
  const scope = globalThis as { reportError?: (error: unknown) => void };
  if (scope.reportError !== undefined) scope.reportError(error);
  else console.error(error);
}
