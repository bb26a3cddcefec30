// One dispatch of undici: what it brings is held until it is known whether it counts, then goes to the caller's handler
// piece by piece. A slow reader slows the socket as ever, and what may wait here for the decision is bounded.

import type { HeaderLookup } from "../../core/watched.js";
import type { Attempt } from "../../driver/attempt.js";
import type { BodyReader, BodySource } from "../../driver/body.js";
import type { Reply, Thrown } from "../../driver/call.js";
import { CUT, codingOf, Wholeness } from "../../http/compressed.js";

/** Steers a request: undici's, and ours in its place. */
export interface Controller {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: unknown;
  rawHeaders?: unknown;
  rawTrailers?: unknown;
  abort(reason?: unknown): void;
  pause(): void;
  resume(): void;
}

/** Header lines, by lower-case name. */
export type Lines = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who is told what happens to a request, in the form that undici has had since version 7. */
export interface Handler {
  onRequestStart?(controller: Controller, context: object): void;
  onRequestSent?(): void;
  onBodySent?(chunk: Uint8Array): void;
  onResponseStarted?(): void;
  onResponseStart?(controller: Controller, status: number, headers: Lines, statusText?: string): void;
  onResponseData?(controller: Controller, chunk: Uint8Array): void;
  onResponseEnd?(controller: Controller, trailers: Lines): void;
  onResponseError?(controller: Controller | null, error: unknown): void;
}

/** For whom an exchange is made: what the caller's handler steers by. */
export interface Party extends Controller {
  readonly handler: Handler;
  readonly context: { readonly history?: readonly unknown[] };
  /** Tells the handler of an end that is none. */
  failed(error: unknown): void;
}

/** How much of a body waits unread for the decision, in bytes, before the socket is paused. */
const HELD = 65536;

/** One attempt's request and answer. */
export class Exchange implements Reply, Handler {
  status = 0;
  readonly bodyUsed = false;
  /** undici's own controller; null while the request stands in the line for a connection. */
  inner: Controller | null = null;
  readonly #party: Party;
  readonly #answered: (exchange: Exchange) => void;
  readonly #broke: (error: unknown) => void;
  /** What the caller's handler threw, if it did. */
  thrown: Thrown | null = null;
  #lines: Lines = {};
  #statusText: string | undefined;
  readonly #held: Uint8Array[] = [];
  #whole: Wholeness | null = null;
  #size = 0;
  #arrived: (() => void) | null = null;
  #trailers: Lines | null = null;
  #error: { readonly error: unknown } | null = null;
  #stopped: { readonly reason: unknown } | null = null;
  #delivered = false;
  #passing = false;
  #over = false;
  #attempt: Attempt | null = null;
  #idle = 0;

  constructor(party: Party, answered: (exchange: Exchange) => void, broke: (error: unknown) => void) {
    this.#party = party;
    this.#answered = answered;
    this.#broke = broke;
  }

  /** undici's interceptor for redirects notes what it has asked: one request, or the hops up to the last. */
  get redirected(): boolean {
    return (this.#party.context.history?.length ?? 0) > 1;
  }

  get url(): string {
    return String(this.#party.context.history?.at(-1) ?? "");
  }

  get headers(): HeaderLookup {
    const lines = this.#lines;
    return {
      get(name) {
        const value = lines[name];
        return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
      },
    };
  }

  get body(): BodySource {
    const cancel = async (): Promise<void> => this.stop();
    return { cancel, getReader: () => this.#reader(cancel) };
  }

  clone(): { readonly body: BodySource } {
    const cancel = async (): Promise<void> => {};
    return { body: { cancel, getReader: () => this.#reader(cancel) } };
  }

  /** Ends it from this side; nothing happens to one that is over. */
  stop(reason?: unknown): void {
    if (this.#stopped !== null) return;
    this.#stopped = { reason };
    // undici takes no abort of a request that has no connection yet: that one is ended when its turn comes.
    if (this.inner === null) this.#broke(reason);
    else this.inner.abort(reason);
    // To undici it was over; the caller has not had all of it.
    if (this.#delivered && this.#trailers !== null) this.#end(() => this.#party.failed(reason));
  }

  /** Everything goes to the handler from now on. `whole`: what is held is all that there will be. */
  deliver(whole: boolean, attempt: Attempt | null, idle: number): void {
    if (whole) {
      this.#trailers ??= {};
      this.#error = null;
      this.#stopped = null;
    }
    this.#delivered = true;
    if (idle > 0 && !whole) this.#attempt = attempt;
    else attempt?.end();
    this.#idle = idle;
    try {
      this.#party.handler.onResponseStart?.(this.#party, this.status, this.#lines, this.#statusText);
    } catch (error) {
      this.stop(error);
    }
    this.pass();
  }

  /** Passes on what is held, as far as the handler takes it, and asks for more. */
  pass(): void {
    if (!this.#delivered || this.#passing) return;
    this.#passing = true;
    try {
      while (this.#held.length > 0 && this.#takes()) {
        this.#party.handler.onResponseData?.(this.#party, this.#held.shift() as Uint8Array);
      }
    } catch (error) {
      this.stop(error);
    }
    this.#passing = false;
    if (this.#over) return;
    if (!this.#takes()) this.#attempt?.limit(0);
    else if (this.#error !== null) this.#end(() => this.#party.failed(this.#error?.error));
    else if (this.#trailers !== null) this.#end(() => this.#finish(this.#trailers as Lines));
    else {
      this.#attempt?.limit(this.#idle);
      this.inner?.resume();
    }
  }

  onRequestStart(controller: Controller, context: object): void {
    this.inner = controller;
    if (this.#stopped !== null) controller.abort(this.#stopped.reason);
    else Object.assign(this.#party.context, context);
  }

  onRequestSent(): void {
    this.#ask(() => this.#party.handler.onRequestSent?.());
  }

  onBodySent(chunk: Uint8Array): void {
    this.#ask(() => this.#party.handler.onBodySent?.(chunk));
  }

  onResponseStarted(): void {
    this.#ask(() => this.#party.handler.onResponseStarted?.());
  }

  onResponseStart(_: Controller, status: number, headers: Lines, statusText?: string): void {
    if (status < 200) {
      this.#ask(() => this.#party.handler.onResponseStart?.(this.#party, status, headers, statusText));
      return;
    }
    this.status = status;
    this.#lines = headers;
    this.#statusText = statusText;
    const coding = codingOf(this.headers.get("content-encoding"));
    if (coding !== null) this.#whole = new Wholeness(coding);
    this.#answered(this);
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    // undici's parser says nothing in this way after each pause.
    if (chunk.byteLength === 0) return;
    this.#whole?.add(chunk);
    if (this.#delivered && !this.#passing && this.#held.length === 0 && this.#takes()) {
      this.#attempt?.limit(this.#idle);
      this.#party.handler.onResponseData?.(this.#party, chunk);
      return;
    }
    this.#held.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size >= HELD) controller.pause();
    this.#arrived?.();
  }

  onResponseEnd(controller: Controller, trailers: Lines): void {
    if (this.#whole === null) this.#complete(trailers);
    this.#whole?.end((cut) => {
      if (cut) this.onResponseError(controller, made("SocketError", "UND_ERR_SOCKET", CUT, undefined));
      else this.#complete(trailers);
    });
  }

  #complete(trailers: Lines): void {
    this.#trailers = trailers ?? {};
    this.#arrived?.();
    this.pass();
  }

  onResponseError(_: Controller | null, error: unknown): void {
    this.#whole?.drop();
    if (this.status === 0) this.#broke(error);
    this.#error = { error };
    this.#arrived?.();
    if (this.#delivered) this.#end(() => this.#party.failed(error));
  }

  /** What a handler throws ends the request, and is the caller's own. */
  #ask(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.thrown = { error };
      throw error;
    }
  }

  #takes(): boolean {
    return !this.#party.paused && this.#stopped === null;
  }

  #finish(trailers: Lines): void {
    try {
      this.#party.handler.onResponseEnd?.(this.#party, trailers);
    } catch (error) {
      this.#party.failed(error);
    }
  }

  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.end();
    tell();
  }

  /** Reads what is held without taking it away: the handler may still get it. */
  #reader(cancel: () => Promise<void>): BodyReader {
    let at = 0;
    const read: BodyReader["read"] = async () => {
      while (at === this.#held.length) {
        if (this.#error !== null) throw this.#error.error;
        if (this.#trailers !== null) return { done: true };
        const arrived = new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
        this.#size = 0;
        // What the parser still holds comes before this returns.
        this.inner?.resume();
        await arrived;
      }
      return { done: false, value: this.#held[at++] };
    };
    return { read, cancel };
  }
}

/** An error as undici makes them: by these marks its classes know their instances. */
export function made(name: string, code: string, message: string, cause: unknown): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  const marks = [Symbol.for("undici.error.UND_ERR"), Symbol.for(`undici.error.${code}`)];
  for (const mark of marks) Object.defineProperty(error, mark, { value: true });
  return Object.assign(error, { name, code });
}
