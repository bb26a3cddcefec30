// The records of ended calls, which `explain()` finds by the response or error that was handed out.

import { Core } from "../core/boundary.js";
import type { CallError } from "../core/errors.js";

/** The record of one call. */
export interface CallRecord {
  /** Returns the table of `explain()`. */
  text(): string;
}

/** The entry of a response or an error that was handed out. */
export interface Recorded {
  readonly record: CallRecord;
}

/** Entries by response or error; the entry of a response also holds the state of its body. */
export const recorded = new WeakMap<object, Recorded>();

/**
 * Explains why a call took as long as it did: a short table, for a response or an error of this package, or for an
 * error that has one of those as its `cause`.
 */
export function explain(ended: object): string {
  // Clients wrap the errors that they catch, seldom more than twice.
  for (let at: unknown = ended, deep = 0; typeof at === "object" && at !== null && deep < 5; deep++) {
    const text = recorded.get(at)?.record.text() ?? (at as Partial<CallError>).report?.text;
    if (text !== undefined) return text;
    at = (at as { cause?: unknown }).cause;
  }
  return "not a call of unruffled";
}

/** Stores the record of an error that belongs to the platform. */
export function remember(error: object, record: CallRecord): void {
  recorded.set(error, { record: record });
  // An error of fetch has a bare message, so some clients pass on its cause alone.
  const { cause } = error as { cause?: unknown };
  if (typeof cause === "object" && cause !== null) recorded.set(cause, { record: record });
}

const DROPPED =
  "The record of this call was dropped: a client keeps those of its last calls only. Ask sooner, or listen to events.";

/** The record of a delivered call; its report is pulled from the core at the first question. */
export class CoreRecord implements CallRecord {
  readonly #core: Core;
  #id: number;
  readonly #status: number;
  readonly #elapsed: number;
  #text: string | undefined;

  constructor(core: Core, id: number, status: number, elapsed: number) {
    this.#core = core;
    this.#id = id;
    this.#status = status;
    this.#elapsed = elapsed;
  }

  text(): string {
    if (this.#text === undefined) {
      const report = this.#id < 0 ? Core.brief(this.#status, this.#elapsed) : this.#core.report(this.#id);
      this.#id = -1;
      this.#text = (JSON.parse(report || "{}") as { text?: string }).text ?? DROPPED;
    }
    return this.#text;
  }
}
