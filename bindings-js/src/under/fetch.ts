// A drop-in for `fetch`, for clients with an API of their own: the same arguments, the same native Response, the same
// errors. It adds at most one header, the policy's idempotency key. It takes time limits only from the policy's text.

import type { CallError } from "../core/errors.js";
import { checkOptions } from "../core/options.js";
import type { Exact, Policy } from "../core/policy.js";
import * as w from "../core/step-word.js";
import { type Attempt, signalOf, timedOut } from "../driver/attempt.js";
import type { PreparedCall } from "../driver/call.js";
import { run } from "../driver/driver.js";
import { NESTED } from "../driver/nested.js";
import { open } from "../driver/open.js";
import type { CallRecord } from "../driver/record.js";
import type { AbortSignalLike } from "../driver/signals.js";
import type { Seen } from "../http/dispatcher.js";
import { faultOf, type Hop } from "../http/faults.js";
import { valueIn } from "../http/headers.js";
import { guard, redirects } from "../http/node.js";
import type { Redirects } from "../http/redirects.js";
import { RequestBody, release } from "../http/request-body.js";
import { deliver } from "../http/response.js";
import { branded, type CommonOptions, type Fetch, inBrowser, isBranded, sender } from "../http/sender.js";
import { isStacked } from "../http/stacked.js";
import { type Body, uploadOf } from "../http/upload.js";
import { controls, type DropIn, isStream } from "./drop-in.js";
import { DropInCall, isLate } from "./drop-in-call.js";
import { Origins } from "./origins.js";

/** The options of a drop-in, beside its policy. */
export interface FetchOptions extends CommonOptions {
  /**
   * `true`: bodies are read before a call counts as answered, so that a broken one is retried. Event streams, and
   * bodies whose declared length is above the policy's `maxBody`, are streamed all the same. Default: all are streamed.
   */
  readonly buffer?: boolean | undefined;
}

/** A `fetch` that retries, waits and gives up as its policy says. */
export interface ResilientFetch extends Fetch, DropIn {}

/**
 * Makes a drop-in for `fetch`: `new OpenAI({ fetch: createFetch(policy), maxRetries: 0 })`.
 *
 * @param policy - the policy, or a bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export function createFetch<const P extends Policy>(
  policy: (P & Exact<P, Policy>) | string,
  options: FetchOptions = {},
): ResilientFetch {
  checkOptions(options, "buffer");
  const engine = open(policy as Policy | string, options);
  const origins = new Origins(engine);
  const send = sender(options);
  const buffered = options.buffer === true;
  const fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    // It has no own properties that a copy for an attempt could take.
    if (isRequest(init)) return Promise.resolve().then(() => fetch(new Request(input, init)));
    try {
      const native = send();
      const request = isRequest(input) ? input : null;
      const url = request?.url ?? absolute(String(input));
      // Not http: fetch handles it. An invalid URL: fetch has the better error.
      if (!url.startsWith("http")) return native(input, init);
      // Only a fetch that was passed in, or that is one of ours, can nest calls.
      const mark = options.fetch !== undefined || isBranded(native);
      const call = new Dropped(origins, native, { url, request, input, init, buffered, mark });
      return run(engine, call, "at once");
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return Object.assign(branded(fetch), controls(engine));
}

/** Reports whether the input is a Request, of any copy or realm. */
function isRequest(value: unknown): value is Request {
  return (value as Partial<Request> | null | undefined)?.clone !== undefined;
}

/** Resolves a relative URL in pages and workers; elsewhere it stays as it is. */
function absolute(url: string): string {
  if (url.startsWith("https://") || url.startsWith("http://")) return url;
  const { location } = globalThis as { location?: { href?: string } };
  try {
    return new URL(url, location?.href).href;
  } catch {
    return "";
  }
}

/** The arguments of a drop-in's call. */
interface Called {
  readonly url: string;
  /** The input, if it is a Request. */
  readonly request: Request | null;
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
  readonly buffered: boolean;
  /** Mark the request, so that its sender knows that a caller above retries. */
  readonly mark: boolean;
}

/** One call of a drop-in. */
class Dropped extends DropInCall implements PreparedCall {
  readonly signal: AbortSignal | null;
  readonly idle: number;
  readonly buffered: boolean;
  readonly #follows: boolean;
  readonly #fetch: Fetch;
  readonly #called: Called;
  /** The body belongs to a Request and can be read only once: every attempt but the last needs a copy. */
  readonly #once: boolean;
  /** The body is a stream of the caller's. */
  readonly #streams: boolean;
  #source: RequestBody | null = null;
  #seen: Seen | null = null;
  #redirects: Redirects | null = null;

  constructor(origins: Origins, fetch: Fetch, called: Called) {
    const { url, request, init, buffered } = called;
    super(origins, init?.method ?? request?.method ?? "GET", url);
    this.#fetch = fetch;
    this.#called = called;
    this.signal = init?.signal === undefined ? (request?.signal ?? null) : init.signal;
    this.idle = this.writtenIdle;
    this.buffered = buffered;
    this.#follows = (init?.redirect ?? request?.redirect ?? "follow") === "follow";
    const headers = init?.headers ?? request?.headers;
    // A body of null counts as absent: fetch then sends the Request's.
    this.#once = (init?.body ?? null) === null && request !== null && request.body !== null;
    const keyed = valueIn(headers, this.keyHeader.toLowerCase()) !== null;
    const stacked = isStacked(headers, init);
    const upload = uploadOf(init?.body);
    this.#streams = !upload.repeatable;
    this.describe(upload, (keyed ? w.KEYED : 0) | (stacked ? w.STACKED : 0) | (buffered ? 0 : w.STREAMED));
  }

  get hop(): Hop {
    if (!this.#follows || this.#seen?.hops === 1) return "first";
    const hops = this.#redirects?.hops ?? this.#seen?.hops ?? 0;
    return hops > 1 ? "later" : hops === 1 ? "own" : "any";
  }

  send(stop: AbortSignalLike | null, key: string | null): Promise<Response> {
    const { request, input } = this.#called;
    let init = this.#changed(signalOf(stop), key);
    if (this.#streams) {
      this.#source = new RequestBody(stop, this.settings.idle);
      init = { ...init, body: this.#source.stream(init?.body as Body) };
    }
    // As a plain function: browsers refuse a fetch that has a `this`.
    const fetch = this.#fetch;
    if (fetch === globalThis.fetch) {
      init = { ...init };
      this.#seen = guard(fetch, init, this.unsafe);
    }
    const unseen = this.unsafe && this.#seen === null && this.#follows && request === null && !inBrowser();
    this.#redirects = unseen ? (redirects?.(false) ?? null) : null;
    if (this.#redirects !== null) return this.#redirects.follow(fetch, this.url, init ?? {});
    return fetch(this.#once && !this.stacked ? (request as Request).clone() : input, init);
  }

  streams({ headers }: Response): boolean {
    return isStream(headers, this.settings.maxBody);
  }

  faultOf(error: unknown): number | Promise<number> {
    if ((this.#source?.thrown ?? null) !== null) return w.REFUSED;
    return error instanceof TypeError && this.#mistaken() ? w.REFUSED : faultOf(error, this);
  }

  deliver(
    response: Response,
    bytes: Uint8Array<ArrayBuffer> | null,
    attempt: Attempt | null,
    record: CallRecord,
  ): Response {
    if (attempt !== null) attempt.request = this.#called.request;
    return deliver(response, bytes, attempt, this.idle, record);
  }

  /** Makes the error that `fetch` itself would throw. */
  refusal(error: CallError): Error {
    if (isLate(error)) return timedOut(`The operation timed out: ${error.message}`, error);
    return new TypeError("fetch failed", { cause: error });
  }

  /** Builds the request again: if that throws, the caller's mistake made it fail, not the network. */
  #mistaken(): boolean {
    const { request, init, url } = this.#called;
    // Copies are sent, so only the caller can have used up the original.
    if (this.#once && !this.stacked && request?.bodyUsed === true) return true;
    // Without the signal: a Request listens to it all its life.
    const { body, signal: _, ...others } = init ?? {};
    try {
      new Request(url, uploadOf(body).repeatable ? { ...others, body: body ?? null } : others);
      return false;
    } catch {
      return true;
    }
  }

  release(): void {
    void release(this.#called.init?.body, this.signal?.reason, this.#source);
    this.onEnd();
  }

  onEnd(): void {
    const { request } = this.#called;
    // Copies were sent; the original, which fetch would have used up, still holds all that they have read.
    if (this.#once && request?.bodyUsed === false) void release(request.body, this.signal?.reason);
  }

  /** Returns the caller's `init`, unchanged where nothing is added. */
  #changed(signal: AbortSignal | null, key: string | null): RequestInit | undefined {
    const { request, init, mark } = this.#called;
    // To fetch `patch` and `PATCH` differ; servers know only the latter.
    const renamed = (init?.method ?? request?.method ?? this.method) !== this.method;
    if (signal === this.signal && key === null && !renamed && !mark) return init;
    const changed: RequestInit & { [NESTED]?: true } = { ...init };
    if (mark) changed[NESTED] = true;
    if (signal !== null) changed.signal = signal;
    if (renamed) changed.method = this.method;
    if (key !== null && !this.keyed) {
      const headers = new Headers(init?.headers ?? request?.headers);
      headers.set(this.keyHeader, key);
      changed.headers = headers;
    }
    return changed;
  }
}
