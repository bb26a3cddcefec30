// One call of axios: its configuration, into which each attempt puts a signal of its own, and its errors. Whether a status is
// one is asked of `validateStatus` by axios itself; this only notes the answer.

import * as w from "../../core/codes.js";
import type { CallError } from "../../core/errors.js";
import { type Attempt, signalOf } from "../../driver/attempt.js";
import type { Job } from "../../driver/call.js";
import { NESTED, sending } from "../../driver/nested.js";
import { type Account, account } from "../../driver/record.js";
import type { Stop } from "../../driver/signals.js";
import type { Dispatcher, Seen } from "../../http/dispatcher.js";
import { faultOf, type Hop } from "../../http/faults.js";
import { node, type OnNode } from "../../http/node.js";
import { RequestBody, release } from "../../http/request-body.js";
import { isCounted } from "../../http/stacked.js";
import { type Body, isIterable, raw } from "../../http/upload.js";
import { Beneath, isLate } from "../drop-in-call.js";
import type { Origins } from "../origins.js";
import { type CancelToken, stopOf, tokenOf } from "./cancel-token.js";
import { Answered, type AxiosResponse, instead, through } from "./reply.js";

/** The configuration of one request, as far as it is read here; adapters get it with all that it has. */
export interface Config {
  readonly url?: string;
  readonly baseURL?: string;
  readonly allowAbsoluteUrls?: boolean;
  readonly socketPath?: string | null;
  readonly method?: string;
  headers: object & { has(name: string): boolean; concat(...more: object[]): Config["headers"] };
  data?: unknown;
  responseType?: string | undefined;
  decompress?: boolean | undefined;
  readonly responseEncoding?: string;
  readonly maxContentLength?: number;
  readonly maxRedirects?: number;
  signal?: Stop | null | undefined;
  cancelToken?: CancelToken | undefined;
  fetchOptions?: object | undefined;
  validateStatus?: ((status: number) => boolean) | null | undefined;
  readonly "axios-retry"?: { readonly retryCount?: number };
}

/** The class of axios's errors. */
export type AxiosErrors = new (message?: string, code?: string, config?: never) => Error;

/** An adapter of axios. */
export type Send = ((config: Config) => Promise<AxiosResponse>) & { readonly adapterName?: string };

/** Errors of axios and of Node that no network is to blame for. */
const REFUSALS =
  /^ERR_(BAD_OPTION|BAD_REQUEST|CANCELED|DEPRECATED|FORM_DATA|HTTP_INVALID|INVALID|NOT_SUPPORT|UNESCAPED)/;

/** The head of an answer in Node. */
interface Incoming {
  readonly statusCode?: number;
  readonly statusMessage?: string;
  readonly headers: object;
}

/** What axios has sent: a request of Node or of follow-redirects, or one of a browser. */
interface Sent {
  readonly res?: Incoming;
  readonly _currentRequest?: { readonly res?: Incoming };
  readonly responseURL?: string;
  readonly _redirectCount?: number;
  readonly _redirectable?: { readonly _redirectCount?: number; readonly _currentUrl?: string };
}

/** An error of axios, with what is known of an answer. */
interface Broke {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: { readonly syscall?: unknown };
  readonly response?: AxiosResponse & { readonly statusCode?: number; readonly statusText?: string };
  readonly request?: Sent;
}

/** One call. */
export class Requested extends Beneath implements Job<Answered> {
  readonly signal: Stop | null;
  readonly idle: number;
  // What the adapter gives has been read, or is a stream that was asked for.
  readonly buffered = false;
  readonly #AxiosError: AxiosErrors;
  readonly #send: Send;
  readonly #config: Config;
  /** What the caller's configuration had where attempts put something else. */
  readonly #own: Pick<
    Config,
    "data" | "decompress" | "responseType" | "signal" | "cancelToken" | "fetchOptions" | "headers" | "validateStatus"
  >;
  /** `validateStatus` has said no to the last answer. */
  #refused = false;
  #source: RequestBody | null = null;
  /** What the caller asked for, where the body is decoded here. */
  #decodes: { readonly responseType: string | undefined } | null = null;
  /** What was seen of the attempt from beneath. */
  #seen: Seen | null = null;

  constructor(origins: Origins, AxiosError: AxiosErrors, send: Send, config: Config, url: string) {
    super(origins, config.method ?? "get", url);
    this.#AxiosError = AxiosError;
    this.#send = send;
    this.#config = config;
    const streamed = config.responseType === "stream";
    this.idle = streamed ? this.writtenIdle : 0;
    const { data, signal: given, cancelToken, fetchOptions, headers, validateStatus } = config;
    const { decompress, responseType } = config;
    this.#own = { data, decompress, responseType, signal: given, cancelToken, fetchOptions, headers, validateStatus };
    this.signal = stopOf(given, cancelToken);
    const flags = (headers.has(this.keyHeader) ? w.KEYED : 0) | (this.#isStacked() ? w.STACKED : 0);
    this.tell(raw(config.data as Body), flags | (streamed ? w.STREAMED : 0));
  }

  async send(stop: Stop | null, key: string | null): Promise<Answered> {
    this.#prepare(stop, key);
    try {
      return this.#answered(await this.#decoded(await this.#send(this.#config)), null);
    } catch (error) {
      const { response } = (error ?? {}) as { response?: AxiosResponse };
      if (this.#refused && response !== undefined) {
        await this.#decoded(response);
        return this.#answered(response, error as object);
      }
      const known = this.#bodiless(error as Broke | undefined);
      if (known !== null) return known;
      const { timedOut = false, reason } = (stop ?? {}) as Partial<Attempt>;
      throw timedOut ? this.#late(reason as Error) : error;
    }
  }

  get pooled(): boolean {
    return this.unsafe && !this.keyed && !this.stacked;
  }

  faultOf(error: unknown): number | Promise<number> {
    const { code, message, cause, request } = error as Broke;
    const name = String(code);
    if ((this.#source?.thrown ?? null) !== null) return w.REFUSED;
    // Its own time limit; the system's ETIMEDOUT comes with the call that it ended.
    if ((name === "ETIMEDOUT" || name === "ECONNABORTED") && cause?.syscall === undefined) return w.TIMEOUT;
    if (REFUSALS.test(name) || String(message).startsWith("maxContentLength")) return w.REFUSED;
    // An answer without a body that brings one: its server would do so again.
    if (name.startsWith("HPE_") && incoming(request) !== undefined) return w.PERMANENT + w.CAUSE * w.PROTOCOL;
    if (name === "ERR_BAD_RESPONSE") return w.TRUNCATED;
    const { url, unsafe } = this;
    return faultOf(error, { url, unsafe, broke: this.#broke(request) });
  }

  hand(answer: Answered, bytes: Uint8Array | null, attempt: Attempt | null, of: Account): Answered {
    account(answer.response, of);
    if (answer.error !== null) account(answer.error, of);
    if (answer.whole) attempt?.end();
    else answer.restore(bytes !== null, attempt, this.idle, (reason) => this.#late(reason));
    return answer;
  }

  refusal(error: CallError): Error {
    const late = isLate(error);
    return this.#made(late ? `Timed out: ${error.message}` : error.message, late ? "ETIMEDOUT" : "ERR_NETWORK", error);
  }

  release(): void {
    void release(this.#own.data, this.signal?.reason, this.#source);
  }

  ended(): void {
    const { data, signal, cancelToken, fetchOptions, headers, validateStatus } = this.#own;
    const config = this.#config;
    if (this.#source !== null) config.data = data;
    if (this.#decodes !== null) {
      put(config, "responseType", this.#own.responseType);
      put(config, "decompress", this.#own.decompress);
    }
    config.headers = headers;
    if ("validateStatus" in config) config.validateStatus = validateStatus;
    put(config, "signal", signal);
    put(config, "cancelToken", cancelToken);
    put(config, "fetchOptions", fetchOptions);
  }

  #broke(request: Sent | undefined): Hop {
    const followed = request?._redirectable?._redirectCount ?? request?._redirectCount;
    const hops = followed === undefined ? (this.#seen?.hops ?? 0) : followed + 1;
    if (hops > 1) return "later";
    return this.#config.maxRedirects === 0 || hops === 1 ? "first" : "any";
  }

  #isStacked(): boolean {
    const { headers, "axios-retry": above } = this.#config;
    return sending.now || (above?.retryCount ?? 0) >= 1 || isCounted(headers);
  }

  /** What an attempt needs is put into the request's own configuration, until the end: so errors have the caller's. */
  #prepare(stop: Stop | null, key: string | null): void {
    const config = this.#config;
    const { validateStatus } = this.#own;
    this.#refused = false;
    if (typeof validateStatus === "function") {
      config.validateStatus = (status) => {
        this.#refused = !validateStatus(status);
        return !this.#refused;
      };
    }
    this.#decodes = null;
    this.#seen = null;
    const { adapterName } = this.#send;
    const { responseType, decompress } = this.#own;
    if (adapterName === "http" && decompress !== false && node?.codingOf("gzip")) {
      this.#decodes = { responseType };
      if (responseType !== "stream") config.responseType = "arraybuffer";
      config.decompress = false;
    }
    const known = adapterName === "http" || adapterName === "xhr";
    if (stop !== null && stop !== this.signal) {
      config.signal = known ? undefined : signalOf(stop);
      config.cancelToken = known ? tokenOf(stop) : undefined;
    }
    const { data } = this.#own;
    // A form tells axios its own headers; other streams are but their pieces.
    if (isIterable(data) && !("getHeaders" in data)) {
      this.#source = new RequestBody(stop, this.settings.idle);
      config.data = through(this.#source, data);
    }
    if (key !== null && !this.keyed) {
      config.headers = this.#own.headers.concat({ [this.keyHeader]: key });
    }
    if (!known) {
      const { fetchOptions } = this.#own;
      const { dispatcher } = (fetchOptions ?? {}) as { dispatcher?: Dispatcher };
      this.#seen = { hops: 0, origin: "", status: 0, raw: [] };
      const guarded = node?.guardedDispatcher(dispatcher, this.#seen);
      config.fetchOptions = { ...fetchOptions, [NESTED]: true, ...(guarded && { dispatcher: guarded }) };
    }
  }

  #answered(response: AxiosResponse, error: object | null): Answered {
    return new Answered(response, error, this.#landed(response.request as Sent | undefined));
  }

  /** Where redirects have led; empty where none is known. */
  #landed(request: Sent | undefined): string {
    if (this.#seen !== null && this.#seen.hops > 1) return this.#seen.origin;
    const followed = request?._redirectable;
    if ((followed?._redirectCount ?? 0) > 0) return followed?._currentUrl ?? "";
    const url = request?.responseURL ?? "";
    return url !== "" && placeOf(url) !== placeOf(this.url) ? url : "";
  }

  /** As axios's own adapter does it, but strictly: that passes a stream which ends early as if it were all. */
  async #decoded(response: AxiosResponse): Promise<AxiosResponse> {
    if (this.#decodes === null) return response;
    const { responseType } = this.#decodes;
    const { responseEncoding, maxContentLength = -1 } = this.#config;
    const lines = response.headers as Record<string, unknown>;
    const coding = node?.codingOf(lines["content-encoding"] as string | undefined, node.OF_AXIOS) ?? null;
    const silent = this.method === "HEAD" || response.status === 204;
    if (coding !== null || silent) delete lines["content-encoding"];
    if (responseType === "stream") {
      if (coding !== null && !silent) {
        response.data = instead(response.data, (own) => this.#pieces(coding, own, maxContentLength));
      }
      return response;
    }
    let data = response.data as Uint8Array;
    if (coding !== null && !silent && data.byteLength > 0) {
      try {
        data = await (node as OnNode).decode(coding, data, maxContentLength);
      } catch (error) {
        if (response.status < 400) throw this.#undecoded(error as Error & { code?: string }, maxContentLength);
        data = data.subarray(0, 0);
      }
    }
    response.data = responseType === "arraybuffer" ? data : textOf(data, responseEncoding);
    return response;
  }

  /** Of a stream that somebody reads. */
  async *#pieces(coding: string, own: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void> {
    let size = 0;
    try {
      for await (const piece of (node as OnNode).decoding(coding, own)) {
        size += piece.byteLength;
        if (most > -1 && size > most) throw Object.assign(new Error(), { code: "ERR_BUFFER_TOO_LARGE" });
        yield piece;
      }
    } catch (error) {
      const { code } = error as { code?: string };
      const coded = code === "ERR_BUFFER_TOO_LARGE" || node?.isCut(error);
      throw coded ? this.#undecoded(error as Error, most) : error;
    }
  }

  #undecoded(error: Error & { code?: string }, most: number): Error {
    if (node?.isCut(error)) return this.#made(node.CUT, "ERR_BAD_RESPONSE", error);
    const large = error.code === "ERR_BUFFER_TOO_LARGE";
    return this.#made(
      large ? `maxContentLength size of ${most} exceeded` : error.message,
      large ? "ERR_BAD_RESPONSE" : String(error.code),
      error,
    );
  }

  /** The answer from 400 on whose body broke: its status is known all the same, and its body is empty. */
  #bodiless(error: Broke | undefined): Answered | null {
    const res = incoming(error?.request);
    const from = error?.response ?? res;
    const status = from?.statusCode ?? error?.response?.status ?? this.#seen?.status ?? 0;
    if (status < 400) return null;
    const config = this.#config;
    const Headers = config.headers.constructor as new (lines: object) => object;
    const lines = from?.headers ?? (this.#seen === null ? {} : (node as OnNode).linesOf(this.#seen));
    const headers = new Headers(lines);
    const statusText = error?.response?.statusText ?? res?.statusMessage ?? "";
    const response = { status, statusText, headers, config, request: error?.request, data: "" };
    if (config.validateStatus == null || config.validateStatus(status)) return this.#answered(response, null);
    const code = status < 500 ? "ERR_BAD_REQUEST" : "ERR_BAD_RESPONSE";
    const refused = this.#made(`Request failed with status code ${status}`, code, error as unknown as Error);
    return this.#answered(response, Object.assign(refused, { status, request: error?.request, response }));
  }

  /** A limit of the policy's own text. */
  #late(reason: Error): Error {
    return this.#made(reason.message, "ETIMEDOUT", reason);
  }

  #made(message: string, code: string, cause: Error): Error {
    const error = new this.#AxiosError(message, code, this.#config as never);
    return Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  }
}

/** As axios makes text of bytes: what it strips is a byte order mark. */
function textOf(data: Uint8Array, encoding: string | undefined): string {
  const text = (data as { toString(encoding?: string): string }).toString(encoding);
  return (encoding === undefined || encoding === "utf8") && text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/** A URL without what a request may add to it. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function incoming(request: Sent | undefined): Incoming | undefined {
  return request?.res ?? request?._currentRequest?.res;
}

function put<K extends keyof Config>(config: Config, name: K, own: Config[K] | undefined): void {
  if (config[name] === own) return;
  if (own === undefined) Reflect.deleteProperty(config, name);
  else config[name] = own;
}

const HTTP = /^https?:\/\//;
const ABSOLUTE = /^([a-z][a-z\d+\-.]*:)?\/\//i;

/** Where a request goes, without its `params`; null for what is no call over HTTP. */
export function urlOf({ url = "", baseURL, allowAbsoluteUrls, socketPath }: Config): string | null {
  const whole = baseURL && (allowAbsoluteUrls === false || !ABSOLUTE.test(url)) ? joined(baseURL, url) : url;
  if (HTTP.test(whole)) return whole;
  const { location } = globalThis as { location?: { href?: string } };
  const base = socketPath ? "http://localhost" : location?.href;
  const href = URL.canParse(whole, base) ? new URL(whole, base).href : "";
  return HTTP.test(href) ? href : null;
}

function joined(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
}
