// One attempt's way to be stopped: its own (never used twice, or a retry would begin aborted), fed by a time limit and by
// the caller's signal. Nothing here holds a Response.

import { type Abortable, join, leave, type Stop } from "./signals.js";
import type { Link, Watch, Watched } from "./timeouts.js";

/** Stops one request, from its start to the end of its body. */
export class Attempt implements Abortable, Watched, Stop {
  link: Link | null = null;
  timedOut = false;
  aborted = false;
  reason: unknown;
  /** What was left of the call's time when the attempt began, in ms: it ends then whatever keeps it alive. */
  left = Infinity;
  readonly #watch: Watch;
  readonly #caller: Stop | null;
  #limit = 0;
  #first = 0;
  #latest = 0;
  #controller: AbortController | null = null;
  #listener: (() => void) | null = null;

  constructor(watch: Watch, caller: Stop | null) {
    this.#watch = watch;
    this.#caller = caller;
    if (caller !== null) join(caller, this);
  }

  /** Whether a caller may stop it. */
  get followed(): boolean {
    return this.#caller !== null;
  }

  /** The same for platforms that want a signal of their own kind, which costs more than all the rest. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** Tells who sends the request; there is but one. */
  addEventListener(_: "abort", listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = null;
  }

  /** Begins a limit of `ms` in place of the one that runs; 0 = none. */
  limit(ms: number): void {
    this.#limit = ms;
    this.#first ||= ms;
    if (ms > 0) this.#watch.add(this, ms);
    else this.#watch.remove(this);
  }

  /** The request's body moves: the limit that runs lasts at least `ms` from now; `ended`: at least its whole length. */
  alive(ms: number, ended: boolean): void {
    const { link } = this;
    if (link === null) return;
    this.#latest ||= link.due - this.#limit + this.left;
    const now = this.#watch.now();
    const most = Math.min(ended ? Math.max(ms, this.#first) : ms, Math.floor(this.#latest - now));
    if (most > 0 && link.due < now + most) this.limit(most);
  }

  /** Nothing is left to stop. */
  end(): void {
    this.#watch.remove(this);
    if (this.#caller !== null) leave(this.#caller, this);
  }

  /** Stops the request for a reason that is nobody's error. */
  drop(): void {
    this.end();
    this.#stop(undefined);
  }

  expired(): void {
    this.timedOut = true;
    this.#stop(timedOut(`The server took longer than ${this.#limit} ms; the attempt timed out`));
  }

  stopped(signal: Stop): void {
    this.#stop(signal.reason);
  }

  #stop(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    this.#listener?.();
  }
}

/** What stops an attempt, as a signal of the platform's kind. */
export function signalOf(stop: Stop | null): AbortSignal | null {
  return stop instanceof Attempt ? stop.signal : (stop as AbortSignal | null);
}

/** An error as `AbortSignal.timeout` makes it: SDKs test for the name and for "timed out". */
export function timedOut(message: string, cause?: unknown): DOMException {
  const error = new DOMException(message, "TimeoutError");
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  return error;
}
