// One call through an undici dispatcher: what its handler steers it by, what stops it, and what its attempts send. It sees
// one request of the handler's side and any number of exchanges on the other.

import * as w from "../../core/codes.js";
import type { CallError } from "../../core/errors.js";
import type { Settings } from "../../core/settings.js";
import type { Attempt } from "../../driver/attempt.js";
import type { Job } from "../../driver/call.js";
import { run } from "../../driver/driver.js";
import { sending } from "../../driver/nested.js";
import { type Account, account } from "../../driver/record.js";
import type { Stop } from "../../driver/signals.js";
import { faultOf, type Hop } from "../../http/faults.js";
import { type HeaderSource, valueIn } from "../../http/headers.js";
import { iterable, RequestBody, release } from "../../http/request-body.js";
import { isStacked } from "../../http/stacked.js";
import { type Body, isIterable, raw } from "../../http/upload.js";
import { isStream } from "../drop-in.js";
import { Beneath, isLate } from "../drop-in-call.js";
import type { Origins } from "../origins.js";
import { Exchange, type Handler, made, type Party } from "./attempt.js";

/** Of undici's dispatch options, what is read here. */
export interface Options {
  readonly origin?: string | URL;
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
  readonly headers?: unknown;
  readonly upgrade?: unknown;
}

/** `dispatch` as it is used here. */
export type Send = (options: Options, handler: Handler) => boolean;

/** One call, at once what its handler steers it by and what stops it. */
export class Dispatched extends Beneath implements Job<Exchange>, Party, Stop {
  readonly signal = this;
  readonly idle: number;
  readonly buffered: boolean;
  readonly handler: Handler;
  /** The handler's, from the start; whoever dispatches adds to it. */
  readonly context: { readonly history?: readonly unknown[] } = {};
  aborted = false;
  paused = false;
  reason: unknown = null;
  readonly #origins: Origins;
  readonly #dispatch: Send;
  /** The body is read before it is sent, and can then be sent again. */
  readonly #copied: boolean;
  #options: Options;
  #exchange: Exchange | null = null;
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
    const upload = raw(options.body as Body);
    this.#copied = isShort(options.body, headers, this.settings.bufferUpTo);
    const keyed = valueIn(headers, this.keyHeader.toLowerCase()) !== null;
    const stacked = sending.now || isStacked(headers, undefined);
    const flags = (this.#copied ? w.REPEATABLE : 0) | (buffered ? 0 : w.STREAMED);
    this.tell(upload, flags | (keyed ? w.KEYED : 0) | (stacked ? w.STACKED : 0));
  }

  /** undici's interceptor for redirects notes each hop that was answered. */
  get broke(): Hop {
    return (this.context.history?.length ?? 0) > 0 ? "later" : "first";
  }

  /** undici's own lines, of the last answer. */
  get rawHeaders(): unknown {
    return this.#exchange?.inner?.rawHeaders ?? null;
  }

  get rawTrailers(): unknown {
    return this.#exchange?.inner?.rawTrailers ?? null;
  }

  /** As `dispatch`: whether the dispatcher would take more at once. */
  begin(): boolean {
    try {
      // Before there is a connection, so that the caller's abort is heard in every wait.
      this.handler.onRequestStart?.(this, this.context);
      void this.#run();
    } catch (error) {
      this.release();
      this.failed(error);
    }
    return this.#ready;
  }

  send(signal: Stop | null, key: string | null): Promise<Exchange> {
    return new Promise((answered, broke) => {
      const exchange = new Exchange(this, answered, broke);
      this.#exchange = exchange;
      if (signal !== this) signal?.addEventListener("abort", () => exchange.stop(signal.reason), { once: true });
      this.#ready = this.#dispatch(this.#watched(this.#keyed(key), signal), exchange);
    });
  }

  streams({ headers }: Exchange): boolean {
    return isStream(headers, this.settings.maxBody);
  }

  get pooled(): boolean {
    return this.unsafe && !this.keyed && !this.stacked;
  }

  faultOf(error: unknown): number | Promise<number> {
    const own = (this.#source?.thrown ?? this.#exchange?.thrown ?? null) !== null;
    return own ? w.REFUSED : faultOf(error, this);
  }

  hand(exchange: Exchange, bytes: Uint8Array | null, attempt: Attempt | null, of: Account): Exchange {
    account(this.context, of);
    this.#delivered = true;
    exchange.deliver(bytes !== null, attempt, this.idle);
    return exchange;
  }

  refusal(error: CallError): Error {
    if (isLate(error))
      return made("ConnectTimeoutError", "UND_ERR_CONNECT_TIMEOUT", `Timed out: ${error.message}`, error);
    if (error.reason === "closed") return made("ClientClosedError", "UND_ERR_CLOSED", error.message, error);
    return made("SocketError", "UND_ERR_SOCKET", error.message, error);
  }

  release(): void {
    void release(this.#options.body, this.reason, this.#source);
  }

  failed(error: unknown): void {
    const ours = (error as { name?: unknown } | null)?.name === "TimeoutError" && error !== this.reason;
    this.handler.onResponseError?.(this, ours ? this.#late(error as Error) : error);
  }

  abort(reason?: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? made("AbortError", "UND_ERR_ABORTED", "Request aborted", undefined);
    this.#listener?.();
    this.#exchange?.stop(this.reason);
  }

  pause(): void {
    this.paused = true;
    if (this.#delivered) this.#exchange?.inner?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#exchange?.pass();
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
      this.failed(error);
    }
  }

  /** Only a body that comes piece by piece can break by itself, or keep an attempt alive. */
  #watched(options: Options, stop: Stop | null): Options {
    const { body } = options;
    if (!isIterable(body) || isEnded(body)) return options;
    this.#source = new RequestBody(stop, this.settings.idle);
    return { ...options, body: iterable(this.#source, body) };
  }

  /** The caller's own key wins over the one that was made. */
  #keyed(key: string | null): Options {
    if (key === null || this.keyed) return this.#options;
    const lines = listed(this.#options.headers) ?? {};
    const pairs = Symbol.iterator in lines ? [...(lines as Iterable<readonly string[]>)] : Object.entries(lines);
    return { ...this.#options, headers: [...pairs, [this.keyHeader, key]].flat() };
  }

  /** A limit of the policy's own text, as undici tells its own. */
  #late(cause: Error): Error {
    return this.#delivered
      ? made("BodyTimeoutError", "UND_ERR_BODY_TIMEOUT", cause.message, cause)
      : made("HeadersTimeoutError", "UND_ERR_HEADERS_TIMEOUT", cause.message, cause);
  }
}

/** undici sends what a stream of Node holds that has ended with its length. */
function isEnded(body: object): boolean {
  return (body as { readonly _readableState?: { readonly ended?: unknown } })._readableState?.ended === true;
}

function urlOf({ origin, path }: Options, baseUrl: Settings["baseUrl"]): string {
  if (path.startsWith("http://") || path.startsWith("https://")) return path;
  if (typeof origin === "string") return origin + path;
  // A Pool or a Client of undici 7 knows its origin by itself and tells nobody.
  const { origin: known } = new URL(origin ?? (typeof baseUrl === "string" ? baseUrl : "http://unknown"));
  return known + path;
}

/** Headers in any of undici's forms: a flat list becomes pairs, all else is read as it is; what is none, undici refuses. */
function listed(headers: unknown): HeaderSource | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (!Array.isArray(headers)) return headers as HeaderSource;
  return Array.from({ length: headers.length / 2 }, (_, at) => [String(headers[2 * at]), headers[2 * at + 1]]);
}

/** undici's `fetch` makes a generator of every body; one of a known length was in memory before, and is put there again. */
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
