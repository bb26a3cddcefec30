// One attempt: a dispatch of undici. Its answer is held until the core decides, then passes to the caller's handler
// piece by piece. A slow reader slows the socket, and the held part is bounded.

import type { HeaderLookup } from "../../core/watched.js";
import type { Attempt } from "../../driver/attempt.js";
import type { BodyReader, BodySource } from "../../driver/body.js";
import type { Reply, Thrown } from "../../driver/call.js";
import { CUT, codingOf, Wholeness } from "../../http/compressed.js";

/** The controller of a request: undici's, or ours in its place. */
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

/** The handler of a request's events, in the form of undici since version 7. */
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

/** The side facing the caller's handler. */
export interface HandlerSide extends Controller {
  readonly handler: Handler;
  readonly context: { readonly history?: readonly unknown[] };
  /** Reports an error to the handler. */
  reportError(error: unknown): void;
}

/** The most bytes of a body that are held before the socket is paused. */
const HELD = 65536;

/** The request and answer of one attempt. */
export class UndiciAttempt implements Reply, Handler {
  status = 0;
  readonly bodyUsed = false;
  /** undici's own controller; null while the request waits for a connection. */
  inner: Controller | null = null;
  readonly #side: HandlerSide;
  readonly #resolve: (reply: UndiciAttempt) => void;
  readonly #reject: (error: unknown) => void;
  /** The exception of the caller's handler, if any. */
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

  constructor(side: HandlerSide, resolve: (reply: UndiciAttempt) => void, reject: (error: unknown) => void) {
    this.#side = side;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** undici's redirect interceptor records its requests: one, or the hops up to the last. */
  get redirected(): boolean {
    return (this.#side.context.history?.length ?? 0) > 1;
  }

  get url(): string {
    return String(this.#side.context.history?.at(-1) ?? "");
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

  /** Ends the attempt from this side; a finished one stays as it is. */
  stop(reason?: unknown): void {
    if (this.#stopped !== null) return;
    this.#stopped = { reason };
    // undici refuses to abort a request without a connection: it is ended when it gets one.
    if (this.inner === null) this.#reject(reason);
    else this.inner.abort(reason);
    // To undici it was complete; the caller has not received all of it.
    if (this.#delivered && this.#trailers !== null) this.#end(() => this.#side.reportError(reason));
  }

  /** Passes everything to the handler from now on. `whole`: the held part is all. */
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
      this.#side.handler.onResponseStart?.(this.#side, this.status, this.#lines, this.#statusText);
    } catch (error) {
      this.stop(error);
    }
    this.pass();
  }

  /** Passes on the held part, as far as the handler takes it, and asks for more. */
  pass(): void {
    if (!this.#delivered || this.#passing) return;
    this.#passing = true;
    try {
      while (this.#held.length > 0 && this.#takes()) {
        this.#side.handler.onResponseData?.(this.#side, this.#held.shift() as Uint8Array);
      }
    } catch (error) {
      this.stop(error);
    }
    this.#passing = false;
    if (this.#over) return;
    if (!this.#takes()) this.#attempt?.limit(0);
    else if (this.#error !== null) this.#end(() => this.#side.reportError(this.#error?.error));
    else if (this.#trailers !== null) this.#end(() => this.#finish(this.#trailers as Lines));
    else {
      this.#attempt?.limit(this.#idle);
      this.inner?.resume();
    }
  }

  onRequestStart(controller: Controller, context: object): void {
    this.inner = controller;
    if (this.#stopped !== null) controller.abort(this.#stopped.reason);
    else Object.assign(this.#side.context, context);
  }

  onRequestSent(): void {
    this.#ask(() => this.#side.handler.onRequestSent?.());
  }

  onBodySent(chunk: Uint8Array): void {
    this.#ask(() => this.#side.handler.onBodySent?.(chunk));
  }

  onResponseStarted(): void {
    this.#ask(() => this.#side.handler.onResponseStarted?.());
  }

  onResponseStart(_: Controller, status: number, headers: Lines, statusText?: string): void {
    if (status < 200) {
      this.#ask(() => this.#side.handler.onResponseStart?.(this.#side, status, headers, statusText));
      return;
    }
    this.status = status;
    this.#lines = headers;
    this.#statusText = statusText;
    const coding = codingOf(this.headers.get("content-encoding"));
    if (coding !== null) this.#whole = new Wholeness(coding);
    this.#resolve(this);
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    // undici's parser passes an empty chunk after each pause.
    if (chunk.byteLength === 0) return;
    this.#whole?.add(chunk);
    if (this.#delivered && !this.#passing && this.#held.length === 0 && this.#takes()) {
      this.#attempt?.limit(this.#idle);
      this.#side.handler.onResponseData?.(this.#side, chunk);
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
      if (cut) this.onResponseError(controller, undiciError("SocketError", "UND_ERR_SOCKET", CUT, undefined));
      else this.#complete(trailers);
    });
  }

  #complete(trailers: Lines): void {
    this.#trailers = trailers ?? {};
    this.#arrived?.();
    this.pass();
  }

  onResponseError(_: Controller | null, error: unknown): void {
    this.#whole?.discard();
    if (this.status === 0) this.#reject(error);
    this.#error = { error };
    this.#arrived?.();
    if (this.#delivered) this.#end(() => this.#side.reportError(error));
  }

  /** Calls the handler. Its exception ends the request, and is the caller's own. */
  #ask(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.thrown = { error };
      throw error;
    }
  }

  #takes(): boolean {
    return !this.#side.paused && this.#stopped === null;
  }

  #finish(trailers: Lines): void {
    try {
      this.#side.handler.onResponseEnd?.(this.#side, trailers);
    } catch (error) {
      this.#side.reportError(error);
    }
  }

  #end(notify: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.end();
    notify();
  }

  /** Reads the held part without removing it: the handler may still get it. */
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
        // The parser passes its own rest before this returns.
        this.inner?.resume();
        await arrived;
      }
      return { done: false, value: this.#held[at++] };
    };
    return { read, cancel };
  }
}

/** Makes an error in undici's form: its classes recognise these marks. */
export function undiciError(name: string, code: string, message: string, cause: unknown): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  const marks = [Symbol.for("undici.error.UND_ERR"), Symbol.for(`undici.error.${code}`)];
  for (const mark of marks) Object.defineProperty(error, mark, { value: true });
  return Object.assign(error, { name, code });
}
