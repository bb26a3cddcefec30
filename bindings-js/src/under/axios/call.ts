// One call of axios: its configuration, which each attempt changes for its own signal, and its errors. axios itself
// asks `validateStatus` whether a status is an error; the result is recorded here.

import type { CallError } from "../../core/errors.js";
import * as w from "../../core/step-word.js";
import { type Attempt, signalOf } from "../../driver/attempt.js";
import type { PreparedCall } from "../../driver/call.js";
import { NESTED, sending } from "../../driver/nested.js";
import { type CallRecord, remember } from "../../driver/record.js";
import type { AbortSignalLike } from "../../driver/signals.js";
import type { Dispatcher, Seen } from "../../http/dispatcher.js";
import { faultOf, type Hop } from "../../http/faults.js";
import { node, type OnNode } from "../../http/node.js";
import { RequestBody, release } from "../../http/request-body.js";
import { isCounted } from "../../http/stacked.js";
import { type Body, isIterable, uploadOf } from "../../http/upload.js";
import { DropInCall, isLate } from "../drop-in-call.js";
import type { Origins } from "../origins.js";
import { type CancelToken, stopOf, tokenOf } from "./cancel-token.js";
import { AxiosReply, type AxiosResponse, sentThrough, withPieces } from "./reply.js";

/** The fields of a request's configuration that are read here; adapters get all of it. */
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
  signal?: AbortSignalLike | null | undefined;
  cancelToken?: CancelToken | undefined;
  fetchOptions?: object | undefined;
  validateStatus?: ((status: number) => boolean) | null | undefined;
  readonly "axios-retry"?: { readonly retryCount?: number };
}

/** The class of axios's errors. */
export type AxiosErrors = new (message?: string, code?: string, config?: never) => Error;

/** An adapter of axios. */
export type Send = ((config: Config) => Promise<AxiosResponse>) & { readonly adapterName?: string };

/** Errors of axios and of Node without a network fault. */
const REFUSALS =
  /^ERR_(BAD_OPTION|BAD_REQUEST|CANCELED|DEPRECATED|FORM_DATA|HTTP_INVALID|INVALID|NOT_SUPPORT|UNESCAPED)/;

/** The head of an answer in Node. */
interface Incoming {
  readonly statusCode?: number;
  readonly statusMessage?: string;
  readonly headers: object;
}

/** A request that axios sent: of Node, of follow-redirects, or of a browser. */
interface Sent {
  readonly res?: Incoming;
  readonly _currentRequest?: { readonly res?: Incoming };
  readonly responseURL?: string;
  readonly _redirectCount?: number;
  readonly _redirectable?: { readonly _redirectCount?: number; readonly _currentUrl?: string };
}

/** An error of axios, and what it holds of an answer. */
interface AxiosFailure {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: { readonly syscall?: unknown };
  readonly response?: AxiosResponse & { readonly statusCode?: number; readonly statusText?: string };
  readonly request?: Sent;
}

/** One call. */
export class AxiosCall extends DropInCall implements PreparedCall<AxiosReply> {
  readonly signal: AbortSignalLike | null;
  readonly idle: number;
  // The adapter's result is buffered, or a stream that was asked for.
  readonly buffered = false;
  readonly #AxiosError: AxiosErrors;
  readonly #send: Send;
  readonly #config: Config;
  /** The caller's own values where attempts put others. */
  readonly #own: Pick<
    Config,
    "data" | "decompress" | "responseType" | "signal" | "cancelToken" | "fetchOptions" | "headers" | "validateStatus"
  >;
  /** `validateStatus` has refused the last answer. */
  #refused = false;
  #source: RequestBody | null = null;
  /** The caller's response type, where the body is decoded here. */
  #decodes: { readonly responseType: string | undefined } | null = null;
  /** Observations of the attempt by the dispatcher. */
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
    this.describe(uploadOf(config.data as Body), flags | (streamed ? w.STREAMED : 0));
  }

  async send(stop: AbortSignalLike | null, key: string | null): Promise<AxiosReply> {
    this.#prepare(stop, key);
    try {
      return this.#replyOf(await this.#decoded(await this.#send(this.#config)), null);
    } catch (error) {
      const { response } = (error ?? {}) as { response?: AxiosResponse };
      if (this.#refused && response !== undefined) {
        await this.#decoded(response);
        return this.#replyOf(response, error as object);
      }
      const known = this.#bodiless(error as AxiosFailure | undefined);
      if (known !== null) return known;
      const { timedOut = false, reason } = (stop ?? {}) as Partial<Attempt>;
      throw timedOut ? this.#late(reason as Error) : error;
    }
  }

  get pooled(): boolean {
    return this.unsafe && !this.keyed && !this.stacked;
  }

  faultOf(error: unknown): number | Promise<number> {
    const { code, message, cause, request } = error as AxiosFailure;
    const name = String(code);
    if ((this.#source?.thrown ?? null) !== null) return w.REFUSED;
    // axios's own time limit; the system's ETIMEDOUT names a system call.
    if ((name === "ETIMEDOUT" || name === "ECONNABORTED") && cause?.syscall === undefined) return w.TIMEOUT;
    if (REFUSALS.test(name) || String(message).startsWith("maxContentLength")) return w.REFUSED;
    // A body in an answer that must have none: the server would send it again.
    if (name.startsWith("HPE_") && incoming(request) !== undefined) return w.PERMANENT + w.CAUSE * w.CAUSE_PROTOCOL;
    if (name === "ERR_BAD_RESPONSE") return w.TRUNCATED;
    const { url, unsafe } = this;
    return faultOf(error, { url, unsafe, hop: this.#hop(request) });
  }

  deliver(answer: AxiosReply, bytes: Uint8Array | null, attempt: Attempt | null, record: CallRecord): AxiosReply {
    remember(answer.response, record);
    if (answer.error !== null) remember(answer.error, record);
    if (answer.whole) attempt?.end();
    else answer.restore(bytes !== null, attempt, this.idle, (reason) => this.#late(reason));
    return answer;
  }

  refusal(error: CallError): Error {
    const late = isLate(error);
    return this.#axiosError(
      late ? `Timed out: ${error.message}` : error.message,
      late ? "ETIMEDOUT" : "ERR_NETWORK",
      error,
    );
  }

  release(): void {
    void release(this.#own.data, this.signal?.reason, this.#source);
  }

  onEnd(): void {
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

  #hop(request: Sent | undefined): Hop {
    const followed = request?._redirectable?._redirectCount ?? request?._redirectCount;
    const hops = followed === undefined ? (this.#seen?.hops ?? 0) : followed + 1;
    if (hops > 1) return "later";
    return this.#config.maxRedirects === 0 || hops === 1 ? "first" : "any";
  }

  #isStacked(): boolean {
    const { headers, "axios-retry": above } = this.#config;
    return sending.now || (above?.retryCount ?? 0) >= 1 || isCounted(headers);
  }

  /**
   * Puts an attempt's values into the request's own configuration until the end, so that errors have the caller's
   * configuration.
   */
  #prepare(stop: AbortSignalLike | null, key: string | null): void {
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
    // A form gives axios its own headers; other streams have pieces only.
    if (isIterable(data) && !("getHeaders" in data)) {
      this.#source = new RequestBody(stop, this.settings.idle);
      config.data = sentThrough(this.#source, data);
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

  #replyOf(response: AxiosResponse, error: object | null): AxiosReply {
    return new AxiosReply(response, error, this.#landed(response.request as Sent | undefined));
  }

  /** Returns where redirects led; empty where none is known. */
  #landed(request: Sent | undefined): string {
    if (this.#seen !== null && this.#seen.hops > 1) return this.#seen.origin;
    const followed = request?._redirectable;
    if ((followed?._redirectCount ?? 0) > 0) return followed?._currentUrl ?? "";
    const url = request?.responseURL ?? "";
    return url !== "" && placeOf(url) !== placeOf(this.url) ? url : "";
  }

  /** Decodes as axios's own adapter does, but strictly: that passes a truncated stream as if it were whole. */
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
        response.data = withPieces(response.data, (own) => this.#pieces(coding, own, maxContentLength));
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

  /** Decodes a stream that the caller reads. */
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
    if (node?.isCut(error)) return this.#axiosError(node.CUT, "ERR_BAD_RESPONSE", error);
    const large = error.code === "ERR_BUFFER_TOO_LARGE";
    return this.#axiosError(
      large ? `maxContentLength size of ${most} exceeded` : error.message,
      large ? "ERR_BAD_RESPONSE" : String(error.code),
      error,
    );
  }

  /** Makes the answer from 400 on whose body broke: its status is known, and its body is empty. */
  #bodiless(error: AxiosFailure | undefined): AxiosReply | null {
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
    if (config.validateStatus == null || config.validateStatus(status)) return this.#replyOf(response, null);
    const code = status < 500 ? "ERR_BAD_REQUEST" : "ERR_BAD_RESPONSE";
    const refused = this.#axiosError(`Request failed with status code ${status}`, code, error as unknown as Error);
    return this.#replyOf(response, Object.assign(refused, { status, request: error?.request, response }));
  }

  /** Makes the error of a time limit of the policy. */
  #late(reason: Error): Error {
    return this.#axiosError(reason.message, "ETIMEDOUT", reason);
  }

  #axiosError(message: string, code: string, cause: Error): Error {
    const error = new this.#AxiosError(message, code, this.#config as never);
    return Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  }
}

/** Decodes text as axios does, without a byte order mark. */
function textOf(data: Uint8Array, encoding: string | undefined): string {
  const text = (data as { toString(encoding?: string): string }).toString(encoding);
  return (encoding === undefined || encoding === "utf8") && text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/** Returns a URL without its query and fragment. */
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

/** Returns the URL of a request without its `params`; null for a request that is not HTTP. */
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
