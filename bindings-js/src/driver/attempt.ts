// The abort of one attempt: by a time limit or by the caller's signal. It is never used twice, or a retry would begin
// aborted. Nothing here holds a Response.

import type { ReadLimits } from "./body.js";
import { type AbortListener, type AbortSignalLike, subscribe, unsubscribe } from "./signals.js";
import type { TimeoutEntry, TimeoutOwner, TimeoutQueue } from "./timeouts.js";

/** The abort of one request, from its start to the end of its body. */
export class Attempt implements AbortListener, TimeoutOwner, AbortSignalLike, ReadLimits {
  entry: TimeoutEntry | null = null;
  timedOut = false;
  aborted = false;
  reason: unknown;
  /** The caller's request, held so that its signal still fires: platforms tie the two together weakly. */
  request: object | null = null;
  /** The rest of the call's time when the attempt began, in ms: no progress extends the attempt beyond it. */
  remaining = Infinity;
  readonly #timeouts: TimeoutQueue;
  readonly #caller: AbortSignalLike | null;
  #limit = 0;
  #first = 0;
  #latest = 0;
  #controller: AbortController | null = null;
  #listener: (() => void) | null = null;

  constructor(timeouts: TimeoutQueue, caller: AbortSignalLike | null) {
    this.#timeouts = timeouts;
    this.#caller = caller;
    if (caller !== null) subscribe(caller, this);
  }

  /** Reports whether a caller may abort it. */
  get abortable(): boolean {
    return this.#caller !== null;
  }

  /** Returns a real AbortSignal, created lazily because it is expensive. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** Sets the sender's abort listener; there is at most one. */
  addEventListener(_: "abort", listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = null;
  }

  /** Starts a limit of `ms` in place of the running one; 0 = none. */
  limit(ms: number): void {
    this.#limit = ms;
    this.#first ||= ms;
    if (ms > 0) this.#timeouts.add(this, ms);
    else this.#timeouts.remove(this);
  }

  /**
   * Extends the running limit after progress of the request's body: to `ms` from now, or at its end to the limit's
   * whole length.
   */
  extend(ms: number, ended: boolean): void {
    const { entry } = this;
    if (entry === null) return;
    this.#latest ||= entry.due - this.#limit + this.remaining;
    const now = this.#timeouts.now();
    const most = Math.min(ended ? Math.max(ms, this.#first) : ms, Math.floor(this.#latest - now));
    if (most > 0 && entry.due < now + most) this.limit(most);
  }

  /** Ends the limit and the subscription: nothing is left to abort. */
  end(): void {
    this.#timeouts.remove(this);
    if (this.#caller !== null) unsubscribe(this.#caller, this);
  }

  /** Aborts the request without reporting an error. */
  cancel(): void {
    this.end();
    this.#stop(undefined);
  }

  expired(): void {
    this.timedOut = true;
    this.#stop(timedOut(`The server took longer than ${this.#limit} ms; the attempt timed out`));
  }

  onAbort(signal: AbortSignalLike): void {
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

/** Returns the attempt's abort as a signal of the platform. */
export function signalOf(stop: AbortSignalLike | null): AbortSignal | null {
  return stop instanceof Attempt ? stop.signal : (stop as AbortSignal | null);
}

/** Makes an error as `AbortSignal.timeout` does: SDKs test for the name and for "timed out". */
export function timedOut(message: string, cause?: unknown): DOMException {
  const error = new DOMException(message, "TimeoutError");
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  return error;
}
