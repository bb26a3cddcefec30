// The record of each call that has ended, and how `explain()` finds it by the response or error that was handed out.

import { Core } from "../core/boundary.js";
import type { CallError } from "../core/errors.js";

/** Tells why a call took as long as it did. */
export interface Account {
  /** The table of `explain()`. */
  text(): string;
}

/** What is known of a response or an error that was handed out. */
export interface Recorded {
  readonly account: Account;
}

/** By the response or error; a response's entry holds the state of its body as well. */
export const recorded = new WeakMap<object, Recorded>();

/**
 * Why a call took as long as it did: a short table, for a response or an error that this package handed out, or for an
 * error that has one of those as its `cause`.
 */
export function explain(ended: object): string {
  // Clients wrap what they catch, seldom more than twice.
  for (let at: unknown = ended, deep = 0; typeof at === "object" && at !== null && deep < 5; deep++) {
    const told = recorded.get(at)?.account.text() ?? (at as Partial<CallError>).report?.text;
    if (told !== undefined) return told;
    at = (at as { cause?: unknown }).cause;
  }
  return "not a call of unruffled";
}

/** Remembers the account of an error that belongs to the platform. */
export function account(error: object, of: Account): void {
  recorded.set(error, { account: of });
  // What fetch throws says nothing itself: some clients pass on its cause alone.
  const { cause } = error as { cause?: unknown };
  if (typeof cause === "object" && cause !== null) recorded.set(cause, { account: of });
}

const DROPPED =
  "The record of this call was dropped: a client keeps those of its last calls only. Ask sooner, or listen to events.";

/** The record of a delivered call; its report is pulled from the core at the first question. */
export class CoreRecord implements Account {
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
