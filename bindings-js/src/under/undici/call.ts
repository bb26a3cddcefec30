// One call through an undici dispatcher: the controller of its handler, its abort signal, and the requests of its
// attempts. The handler sees one request; below are any number of attempts.

import type { CallError } from "../../core/errors.js";
import type { Settings } from "../../core/settings.js";
import * as w from "../../core/step-word.js";
import type { Attempt } from "../../driver/attempt.js";
import type { PreparedCall } from "../../driver/call.js";
import { run } from "../../driver/driver.js";
import { sending } from "../../driver/nested.js";
import { type CallRecord, remember } from "../../driver/record.js";
import type { AbortSignalLike } from "../../driver/signals.js";
import { faultOf, type Hop } from "../../http/faults.js";
import { type HeaderSource, valueIn } from "../../http/headers.js";
import { iterable, RequestBody, release } from "../../http/request-body.js";
import { isStacked } from "../../http/stacked.js";
import { type Body, isIterable, uploadOf } from "../../http/upload.js";
import { isStream } from "../drop-in.js";
import { DropInCall, isLate } from "../drop-in-call.js";
import type { Origins } from "../origins.js";
import { type Handler, type HandlerSide, UndiciAttempt, undiciError } from "./attempt.js";

/** The fields of undici's dispatch options that are read here. */
export interface Options {
  readonly origin?: string | URL;
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
  readonly headers?: unknown;
  readonly upgrade?: unknown;
}

/** The type of `dispatch` as it is used here. */
export type Send = (options: Options, handler: Handler) => boolean;

/** One call: controller and abort signal in one object. */
export class UndiciCall extends DropInCall implements PreparedCall<UndiciAttempt>, HandlerSide, AbortSignalLike {
  readonly signal = this;
  readonly idle: number;
  readonly buffered: boolean;
  readonly handler: Handler;
  /** The handler's context from the start; the dispatcher adds to it. */
  readonly context: { readonly history?: readonly unknown[] } = {};
  aborted = false;
  paused = false;
  reason: unknown = null;
  readonly #origins: Origins;
  readonly #dispatch: Send;
  /** The body is read before it is sent, so that it can be sent again. */
  readonly #copied: boolean;
  #options: Options;
  #reply: UndiciAttempt | null = null;
  #delivered = false;
  #listener: (() => void) | null = null;
  #ready = true;
  #source: RequestBody | null = null;

  constructor(origins: Origins, dispatch: Send, options: Options, handler: Handler, buffered: boolean) {
    super(origins, options.method, urlOf(options, origins.engine.settings.baseUrl));
    this.#origins = origins;
    this.#dispatch = dispatch;
    this.#options = options;
    this.handler = handler;
    this.idle = this.writtenIdle;
    this.buffered = buffered;
    const headers = listed(options.headers);
    const upload = uploadOf(options.body as Body);
    this.#copied = isShort(options.body, headers, this.settings.bufferUpTo);
    const keyed = valueIn(headers, this.keyHeader.toLowerCase()) !== null;
    const stacked = sending.now || isStacked(headers, undefined);
    const flags = (this.#copied ? w.REPEATABLE : 0) | (buffered ? 0 : w.STREAMED);
    this.describe(upload, flags | (keyed ? w.KEYED : 0) | (stacked ? w.STACKED : 0));
  }

  /** undici's redirect interceptor records each answered hop. */
  get hop(): Hop {
    return (this.context.history?.length ?? 0) > 0 ? "later" : "first";
  }

  /** undici's own header lines of the last answer. */
  get rawHeaders(): unknown {
    return this.#reply?.inner?.rawHeaders ?? null;
  }

  get rawTrailers(): unknown {
    return this.#reply?.inner?.rawTrailers ?? null;
  }

  /** Starts the call. Returns as `dispatch` does whether the dispatcher takes more at once. */
  begin(): boolean {
    try {
      // Before there is a connection, so that the caller can abort in every wait.
      this.handler.onRequestStart?.(this, this.context);
      void this.#run();
    } catch (error) {
      this.release();
      this.reportError(error);
    }
    return this.#ready;
  }

  send(signal: AbortSignalLike | null, key: string | null): Promise<UndiciAttempt> {
    return new Promise((resolve, reject) => {
      const reply = new UndiciAttempt(this, resolve, reject);
      this.#reply = reply;
      if (signal !== this) signal?.addEventListener("abort", () => reply.stop(signal.reason), { once: true });
      this.#ready = this.#dispatch(this.#watched(this.#keyed(key), signal), reply);
    });
  }

  streams({ headers }: UndiciAttempt): boolean {
    return isStream(headers, this.settings.maxBody);
  }

  get pooled(): boolean {
    return this.unsafe && !this.keyed && !this.stacked;
  }

  faultOf(error: unknown): number | Promise<number> {
    const own = (this.#source?.thrown ?? this.#reply?.thrown ?? null) !== null;
    return own ? w.REFUSED : faultOf(error, this);
  }

  deliver(reply: UndiciAttempt, bytes: Uint8Array | null, attempt: Attempt | null, record: CallRecord): UndiciAttempt {
    remember(this.context, record);
    this.#delivered = true;
    reply.deliver(bytes !== null, attempt, this.idle);
    return reply;
  }

  refusal(error: CallError): Error {
    if (isLate(error))
      return undiciError("ConnectTimeoutError", "UND_ERR_CONNECT_TIMEOUT", `Timed out: ${error.message}`, error);
    if (error.reason === "closed") return undiciError("ClientClosedError", "UND_ERR_CLOSED", error.message, error);
    return undiciError("SocketError", "UND_ERR_SOCKET", error.message, error);
  }

  release(): void {
    void release(this.#options.body, this.reason, this.#source);
  }

  reportError(error: unknown): void {
    const ours = (error as { name?: unknown } | null)?.name === "TimeoutError" && error !== this.reason;
    this.handler.onResponseError?.(this, ours ? this.#late(error as Error) : error);
  }

  abort(reason?: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? undiciError("AbortError", "UND_ERR_ABORTED", "Request aborted", undefined);
    this.#listener?.();
    this.#reply?.stop(this.reason);
  }

  pause(): void {
    this.paused = true;
    if (this.#delivered) this.#reply?.inner?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#reply?.pass();
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = null;
  }

  async #run(): Promise<void> {
    try {
      if (this.#copied) this.#options = { ...this.#options, body: await copy(this.#options.body) };
      await run(this.#origins.engine, this, "at once");
    } catch (error) {
      this.reportError(error);
    }
  }

  /** Wraps a body that comes piece by piece: only such a body can break by itself, or extend an attempt. */
  #watched(options: Options, stop: AbortSignalLike | null): Options {
    const { body } = options;
    if (!isIterable(body) || isEnded(body)) return options;
    this.#source = new RequestBody(stop, this.settings.idle);
    return { ...options, body: iterable(this.#source, body) };
  }

  /** Adds the key, unless the caller has its own. */
  #keyed(key: string | null): Options {
    if (key === null || this.keyed) return this.#options;
    const lines = listed(this.#options.headers) ?? {};
    const pairs = Symbol.iterator in lines ? [...(lines as Iterable<readonly string[]>)] : Object.entries(lines);
    return { ...this.#options, headers: [...pairs, [this.keyHeader, key]].flat() };
  }

  /** Makes the error of a time limit of the policy, in undici's form. */
  #late(cause: Error): Error {
    return this.#delivered
      ? undiciError("BodyTimeoutError", "UND_ERR_BODY_TIMEOUT", cause.message, cause)
      : undiciError("HeadersTimeoutError", "UND_ERR_HEADERS_TIMEOUT", cause.message, cause);
  }
}

/** Reports whether a stream of Node has ended: undici sends its rest with its length. */
function isEnded(body: object): boolean {
  return (body as { readonly _readableState?: { readonly ended?: unknown } })._readableState?.ended === true;
}

function urlOf({ origin, path }: Options, baseUrl: Settings["baseUrl"]): string {
  if (path.startsWith("http://") || path.startsWith("https://")) return path;
  if (typeof origin === "string") return origin + path;
  // A Pool or a Client of undici 7 knows its origin and does not pass it.
  const { origin: known } = new URL(origin ?? (typeof baseUrl === "string" ? baseUrl : "http://unknown"));
  return known + path;
}

/** Reads headers in any of undici's forms: a flat list becomes pairs. undici refuses invalid ones. */
function listed(headers: unknown): HeaderSource | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (!Array.isArray(headers)) return headers as HeaderSource;
  return Array.from({ length: headers.length / 2 }, (_, at) => [String(headers[2 * at]), headers[2 * at + 1]]);
}

/**
 * Reports whether a body is short: undici's `fetch` makes a generator of every body, and one of known length was in
 * memory before.
 */
function isShort(body: unknown, headers: HeaderSource | undefined, most: number): boolean {
  if (Object.prototype.toString.call(body) !== "[object AsyncGenerator]") return false;
  const length = valueIn(headers, "content-length");
  return length !== null && Number(length) <= most;
}

async function copy(body: unknown): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}
