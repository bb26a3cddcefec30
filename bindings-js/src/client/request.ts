// One prepared call of a verb: all that the driver needs to begin it and to send its attempts.

import { type CallError, StatusError } from "../core/errors.js";
import type { RouteSettings } from "../core/settings.js";
import * as w from "../core/step-word.js";
import { type Attempt, signalOf } from "../driver/attempt.js";
import type { PreparedCall, StatusEnding, Thrown } from "../driver/call.js";
import type { Credential } from "../driver/credentials.js";
import { NESTED } from "../driver/nested.js";
import type { CallRecord } from "../driver/record.js";
import type { AbortSignalLike } from "../driver/signals.js";
import type { Seen } from "../http/dispatcher.js";
import { faultOf, type Hop } from "../http/faults.js";
import { guard, redirects } from "../http/node.js";
import type { Redirects } from "../http/redirects.js";
import { RequestBody, release } from "../http/request-body.js";
import { deliver, utf8, withBody } from "../http/response.js";
import { type Fetch, inBrowser } from "../http/sender.js";
import { isStacked } from "../http/stacked.js";
import type { Body, Upload } from "../http/upload.js";
import { type CallHeaders, withSecrets } from "./headers.js";
import type { Views } from "./views.js";

/** The prepared request of a verb. */
export interface PreparedRequest {
  readonly fetch: Fetch;
  readonly method: string;
  /** The path as the caller wrote it, without its query. */
  readonly path: string;
  readonly url: string;
  readonly target: number;
  /** The views that give the call its scope; null = the client's own scope. */
  readonly views: Views | null;
  readonly settings: RouteSettings;
  readonly headers: CallHeaders;
  readonly upload: Upload;
  readonly credential: Credential | null;
  readonly signal: AbortSignal | null;
  readonly deadline: number;
  /** In the form of its header. */
  readonly key: string | true | undefined;
  readonly raise: boolean;
}

/** A verb's call. */
export class VerbCall implements PreparedCall {
  /** The body is read before the call counts as answered. Decided when the call begins. */
  buffered = false;
  fixed = false;
  readonly target: number;
  scope = 0;
  readonly settings: RouteSettings;
  readonly credential: Credential | null;
  readonly signal: AbortSignal | null;
  readonly deadline: number;
  readonly raise: boolean;
  readonly url: string;
  readonly dropin = false;
  readonly #request: PreparedRequest;
  /** The caller wrote a secret that a redirect would carry along. */
  readonly #secret: boolean;
  /** Every redirect is refused, because the platform (a browser) does not show where one leads. */
  readonly #strict: boolean;
  #redirects: Redirects | null = null;
  #source: RequestBody | null = null;
  #seen: Seen | null = null;

  constructor(request: PreparedRequest) {
    this.#request = request;
    this.target = request.target;
    this.settings = request.settings;
    this.credential = request.credential;
    this.signal = request.signal;
    this.deadline = request.deadline;
    this.raise = request.raise;
    this.url = request.url;
    this.#secret = withSecrets(request.headers);
    this.#strict = this.#secret && (redirects === null || inBrowser());
  }

  get label(): string {
    return `${this.#request.method} ${this.#request.path}`;
  }

  get idle(): number {
    return this.buffered ? 0 : this.settings.idle;
  }

  /** Computed at begin: only then is it known whether the caller wants the body buffered. */
  get flags(): number {
    const { method, upload, key, credential, headers } = this.#request;
    let flags = w.methodCode(method) | w.sizeBits(upload.size);
    if (upload.repeatable) flags |= w.REPEATABLE;
    if (key !== undefined || this.#ownKey()) flags |= w.KEYED;
    if (!this.buffered) flags |= w.STREAMED;
    if (credential !== null) flags |= w.CREDENTIALS;
    if (headers.own !== null && isStacked(headers.lines, undefined)) flags |= w.STACKED;
    return flags >>> 0;
  }

  get unsafe(): boolean {
    return w.methodCode(this.#request.method) >= w.methodCode("POST");
  }

  get hop(): Hop {
    if (this.#strict) return "first";
    const hops = this.#redirects?.hops ?? this.#seen?.hops ?? 0;
    if (hops > 1) return "later";
    return this.#seen?.hops === 1 ? "first" : hops === 1 ? "own" : "any";
  }

  onBegin(): void {
    this.fixed = true;
    const { views, credential } = this.#request;
    if (views !== null && credential !== null) this.scope = views.begin(credential);
  }

  release(): void {
    void release(this.#request.upload.body, this.signal?.reason, this.#source);
  }

  onEnd(): void {
    const { views, credential } = this.#request;
    if (views !== null && credential !== null) credential.viewScope.live--;
  }

  send(stop: AbortSignalLike | null, key: string | null, token: string | null): Promise<Response> {
    // As a plain function: browsers refuse a fetch that has a `this`.
    const { fetch, upload } = this.#request;
    const init = this.#init(signalOf(stop), key, token);
    if (!upload.repeatable) {
      this.#source = new RequestBody(stop, this.settings.idle);
      init.body = this.#source.stream(upload.body as Body);
    }
    // An unsafe request is sent again only with proof that it was not sent.
    this.#seen = guard(fetch, init, this.unsafe);
    const own = this.#secret ? !this.#strict : this.unsafe && this.#seen === null && !inBrowser();
    this.#redirects = own ? (redirects?.(this.#secret) ?? null) : null;
    return this.#redirects?.follow(fetch, this.url, init) ?? fetch(this.url, init);
  }

  get thrown(): Thrown | null {
    return this.#source?.thrown ?? null;
  }

  faultOf(error: unknown): number | Promise<number> {
    if (this.thrown !== null) return w.REFUSED;
    return error instanceof TypeError && this.#mistaken() ? w.REFUSED : faultOf(error, this);
  }

  deliver(
    response: Response,
    bytes: Uint8Array<ArrayBuffer> | null,
    attempt: Attempt | null,
    record: CallRecord,
  ): Response {
    return deliver(response, bytes, attempt, this.idle, record);
  }

  statusError(response: Response, bytes: Uint8Array<ArrayBuffer>, ending: StatusEnding): StatusError {
    const { failure, record, maybeApplied } = ending;
    return new StatusError(failure, withBody(response, bytes, record), utf8(bytes), maybeApplied);
  }

  refusal(error: CallError): CallError {
    return error;
  }

  /** Builds the request again: if that throws, the caller's mistake made it fail, not the network. */
  #mistaken(): boolean {
    try {
      const { body, ...init } = this.#init(null, null, null);
      new Request(this.url, this.#request.upload.repeatable ? { ...init, body: body ?? null } : init);
      return false;
    } catch {
      return true;
    }
  }

  #ownKey(): boolean {
    return this.#request.headers.own?.has(this.settings.idempotency.header.toLowerCase()) === true;
  }

  #init(signal: AbortSignal | null, key: string | null, token: string | null): RequestInit {
    const { method, upload, headers } = this.#request;
    let { lines } = headers;
    if (key !== null || token !== null) lines = { ...lines };
    if (key !== null && !this.#ownKey()) lines[this.settings.idempotency.header] = this.#key(key);
    if (token !== null) lines.Authorization = `Bearer ${token}`;
    const init: RequestInit & { duplex?: "half"; [NESTED]?: true } = { method, headers: lines, [NESTED]: true };
    if (signal !== null) init.signal = signal;
    if (this.#strict) init.redirect = "error";
    if (upload.body !== null) {
      init.body = upload.body;
      if (!upload.repeatable) init.duplex = "half";
    }
    return init;
  }

  /** Returns the caller's own key, else the generated one. */
  #key(made: string): string {
    const { key } = this.#request;
    return typeof key === "string" ? key : made;
  }
}
