// One attempt's way to be stopped: its own (never used twice, or a retry would begin aborted), fed by a time limit and by
// the caller's signal. Also how a body is read under such limits. Nothing here holds a Response.

import type { Reader, Source } from "./call.js";
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

/** What a `fetch` of the caller's own gave that is no Response, or one whose body is no web stream. */
export class NoResponse extends TypeError {}

/** A body larger than the policy's `maxBody`. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
  constructor(max: number) {
    super(`the body is larger than maxBody (${max} bytes)`);
  }
}

/**
 * Reads a body whole. `idle` > 0 begins that limit anew for each piece; else the limit of the attempt runs on.
 *
 * @throws TooLarge beyond `max` bytes, else what the platform's reader throws, or the reason for which it was stopped.
 */
export async function read(
  body: Source,
  max: number,
  attempt: Attempt | null,
  idle = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof body?.getReader !== "function") {
    throw new NoResponse("the fetch option is no standard fetch: the body of its Response is no ReadableStream");
  }
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      if (idle > 0) attempt?.limit(idle);
      const { done, value } = await reader.read();
      if (idle > 0) attempt?.limit(0);
      if (done || value === undefined) return whole(pieces, size);
      size += value.byteLength;
      if (size > max) {
        void reader.cancel().catch(ignore);
        throw new TooLarge(max);
      }
      pieces.push(value);
    }
  } catch (error) {
    // Some platforms put an error of their own in the place of the reason.
    throw attempt?.aborted === true ? attempt.reason : error;
  }
}

/** Who may want to stop a reading. */
interface Reading {
  reader: Reader | null;
}

/** Reads at most `max` bytes and lets the rest go. What breaks or stops the body ends it: never throws. */
export async function start(body: Source, max: number, reading?: Reading): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = body.getReader();
    if (reading !== undefined) reading.reader = reader;
    while (size < max) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return whole(pieces, size);
      const piece = value.byteLength > max - size ? value.subarray(0, max - size) : value;
      pieces.push(piece);
      size += piece.byteLength;
    }
    void reader.cancel().catch(ignore);
  } catch {
    // Cut short: what has come is what there is.
  }
  return whole(pieces, size);
}

/** Pieces as one. */
export function whole(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const first = pieces[0];
  if (pieces.length === 1 && first !== undefined && first.byteLength === first.buffer.byteLength) {
    return first as Uint8Array<ArrayBuffer>;
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.byteLength;
  }
  return out;
}

/** For promises whose failure changes nothing. */
export function ignore(): void {}
