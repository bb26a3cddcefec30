// One call of axios: its configuration, into which each attempt puts a signal of its own, and its errors. Whether a status is
// one is asked of `validateStatus` by axios itself; this only notes the answer.

import { Answered, type AxiosResponse, through } from "./answered.js";
import { type Attempt, signalOf } from "./attempt.js";
import { Beneath, isLate } from "./beneath.js";
import { type Body, raw } from "./body.js";
import type { Job } from "./call.js";
import type { CallError } from "./errors.js";
import { faultOf } from "./faults.js";
import type { Stop } from "./hub.js";
import type { Origins } from "./origins.js";
import { type Account, account } from "./response.js";
import { isIterable, Source } from "./source.js";
import { isCounted, NESTED, sending } from "./stacked.js";
import { stopOf, type Token, tokenOf } from "./token.js";
import * as w from "./word.js";

/** The configuration of one request, as far as it is read here; adapters get it with all that it has. */
export interface Config {
  readonly url?: string;
  readonly baseURL?: string;
  readonly allowAbsoluteUrls?: boolean;
  readonly socketPath?: string | null;
  readonly method?: string;
  headers: object & { has(name: string): boolean; concat(...more: object[]): Config["headers"] };
  data?: unknown;
  readonly responseType?: string;
  readonly maxRedirects?: number;
  signal?: Stop | null | undefined;
  cancelToken?: Token | undefined;
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
  /^ERR_(BAD_OPTION|BAD_REQUEST|CANCELED|DEPRECATED|FORM_DATA|FR_TOO_MANY|HTTP_INVALID|INVALID|NOT_SUPPORT|UNESCAPED)/;

/** One call. */
export class Requested extends Beneath implements Job<Answered> {
  readonly signal: Stop | null;
  readonly idle: number;
  // What the adapter gives has been read, or is a stream that was asked for.
  readonly buffered = false;
  readonly follows: boolean;
  readonly #AxiosError: AxiosErrors;
  readonly #send: Send;
  readonly #config: Config;
  /** What the caller's configuration had where attempts put something else. */
  readonly #own: Pick<Config, "data" | "signal" | "cancelToken" | "fetchOptions" | "headers" | "validateStatus">;
  /** `validateStatus` has said no to the last answer. */
  #refused = false;
  #source: Source | null = null;

  constructor(origins: Origins, AxiosError: AxiosErrors, send: Send, config: Config, url: string) {
    super(origins, config.method ?? "get", url);
    this.#AxiosError = AxiosError;
    this.#send = send;
    this.#config = config;
    const streamed = config.responseType === "stream";
    this.idle = streamed ? this.writtenIdle : 0;
    this.follows = config.maxRedirects !== 0;
    const { data, signal: given, cancelToken, fetchOptions, headers, validateStatus } = config;
    this.#own = { data, signal: given, cancelToken, fetchOptions, headers, validateStatus };
    this.signal = stopOf(given, cancelToken);
    const flags = (headers.has(this.keyHeader) ? w.KEYED : 0) | (this.#isStacked() ? w.STACKED : 0);
    this.tell(raw(config.data as Body), flags | (streamed ? w.STREAMED : 0));
  }

  async send(stop: Stop | null, key: string | null): Promise<Answered> {
    this.#prepare(stop, key);
    try {
      return new Answered(await this.#send(this.#config), null);
    } catch (error) {
      const { response } = (error ?? {}) as { response?: AxiosResponse };
      if (this.#refused && response !== undefined) return new Answered(response, error as object);
      const { timedOut = false, reason } = (stop ?? {}) as Partial<Attempt>;
      throw timedOut ? this.#late(reason as Error) : error;
    }
  }

  faultOf(error: unknown): number | Promise<number> {
    const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: { syscall?: unknown } };
    const name = String(code);
    if ((this.#source?.thrown ?? null) !== null) return w.REFUSED;
    // Its own time limit; the system's ETIMEDOUT comes with the call that it ended.
    if ((name === "ETIMEDOUT" || name === "ECONNABORTED") && cause?.syscall === undefined) return w.TIMEOUT;
    if (REFUSALS.test(name) || String(message).startsWith("maxContentLength")) return w.REFUSED;
    return name === "ERR_BAD_RESPONSE" ? w.TRUNCATED : faultOf(error, this);
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

  ended(): void {
    const { data, signal, cancelToken, fetchOptions, headers, validateStatus } = this.#own;
    const config = this.#config;
    if (this.#source !== null) config.data = data;
    config.headers = headers;
    if ("validateStatus" in config) config.validateStatus = validateStatus;
    put(config, "signal", signal);
    put(config, "cancelToken", cancelToken);
    put(config, "fetchOptions", fetchOptions);
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
    const { adapterName } = this.#send;
    const known = adapterName === "http" || adapterName === "xhr";
    if (stop !== null && stop !== this.signal) {
      config.signal = known ? undefined : signalOf(stop);
      config.cancelToken = known ? tokenOf(stop) : undefined;
    }
    const { data } = this.#own;
    // A form tells axios its own headers; other streams are but their pieces.
    if (isIterable(data) && !("getHeaders" in data)) {
      this.#source = new Source(stop, this.settings.idle);
      config.data = through(this.#source, data);
    }
    if (key !== null && !this.keyed) {
      config.headers = this.#own.headers.concat({ [this.keyHeader]: key });
    }
    if (!known) config.fetchOptions = { ...this.#own.fetchOptions, [NESTED]: true };
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
