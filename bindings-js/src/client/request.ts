// One call of a verb, prepared: everything the driver needs to begin it and to send its attempts.

import * as w from "../core/codes.js";
import { type CallError, StatusError } from "../core/errors.js";
import type { RouteSettings } from "../core/settings.js";
import { type Attempt, signalOf } from "../driver/attempt.js";
import type { Job, StatusEnding, Thrown } from "../driver/call.js";
import type { Auth } from "../driver/credentials.js";
import { NESTED } from "../driver/nested.js";
import type { Account } from "../driver/record.js";
import type { Stop } from "../driver/signals.js";
import type { Seen } from "../http/dispatcher.js";
import { faultOf, type Hop } from "../http/faults.js";
import { guard, redirects } from "../http/node.js";
import type { Redirects } from "../http/redirects.js";
import { RequestBody, release } from "../http/request-body.js";
import { hand, held, utf8 } from "../http/response.js";
import { type Fetch, inBrowser } from "../http/sender.js";
import { isStacked } from "../http/stacked.js";
import type { Body, Upload } from "../http/upload.js";
import { type CallHeaders, withSecrets } from "./headers.js";
import type { Views } from "./views.js";

/** What a verb has worked out. */
export interface Prepared {
  readonly fetch: Fetch;
  readonly method: string;
  /** The path as the caller wrote it, without its query. */
  readonly path: string;
  readonly url: string;
  readonly target: number;
  /** Where the scopes of views come from; null = the call has the client's own. */
  readonly views: Views | null;
  readonly settings: RouteSettings;
  readonly headers: CallHeaders;
  readonly upload: Upload;
  readonly auth: Auth | null;
  readonly signal: AbortSignal | null;
  readonly deadline: number;
  /** As its header says it. */
  readonly key: string | true | undefined;
  readonly raise: boolean;
}

/** A verb's call. */
export class Order implements Job {
  /** Read the body before the call counts as answered; fixed when the call begins. */
  buffered = false;
  fixed = false;
  readonly target: number;
  scope = 0;
  readonly settings: RouteSettings;
  readonly auth: Auth | null;
  readonly signal: AbortSignal | null;
  readonly deadline: number;
  readonly raise: boolean;
  readonly url: string;
  readonly dropin = false;
  readonly #prepared: Prepared;
  /** The caller wrote a secret that a redirect would carry along. */
  readonly #secret: boolean;
  /** Then every redirect is refused where the platform, as browsers, does not show where one leads. */
  readonly #strict: boolean;
  #redirects: Redirects | null = null;
  #source: RequestBody | null = null;
  #seen: Seen | null = null;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
    this.target = prepared.target;
    this.settings = prepared.settings;
    this.auth = prepared.auth;
    this.signal = prepared.signal;
    this.deadline = prepared.deadline;
    this.raise = prepared.raise;
    this.url = prepared.url;
    this.#secret = withSecrets(prepared.headers);
    this.#strict = this.#secret && (redirects === null || inBrowser());
  }

  get label(): string {
    return `${this.#prepared.method} ${this.#prepared.path}`;
  }

  get idle(): number {
    return this.buffered ? 0 : this.settings.idle;
  }

  /** Asked for at begin, when it is known whether the caller wants the body buffered. */
  get what(): number {
    const { method, upload, key, auth, headers } = this.#prepared;
    let what = w.methodCode(method) | w.sizeBits(upload.size);
    if (upload.repeatable) what |= w.REPEATABLE;
    if (key !== undefined || this.#ownKey()) what |= w.KEYED;
    if (!this.buffered) what |= w.STREAMED;
    if (auth !== null) what |= w.CREDENTIALS;
    if (headers.own !== null && isStacked(headers.lines, undefined)) what |= w.STACKED;
    return what >>> 0;
  }

  get unsafe(): boolean {
    return w.methodCode(this.#prepared.method) >= w.methodCode("POST");
  }

  get broke(): Hop {
    if (this.#strict) return "first";
    const hops = this.#redirects?.hops ?? this.#seen?.hops ?? 0;
    if (hops > 1) return "later";
    return this.#seen?.hops === 1 ? "first" : hops === 1 ? "own" : "any";
  }

  begins(): void {
    this.fixed = true;
    const { views, auth } = this.#prepared;
    if (views !== null && auth !== null) this.scope = views.begin(auth);
  }

  release(): void {
    void release(this.#prepared.upload.body, this.signal?.reason, this.#source);
  }

  ended(): void {
    const { views, auth } = this.#prepared;
    if (views !== null && auth !== null) auth.holding.live--;
  }

  send(stop: Stop | null, key: string | null, token: string | null): Promise<Response> {
    // As a plain function: browsers refuse a fetch that has a `this`.
    const { fetch, upload } = this.#prepared;
    const init = this.#init(signalOf(stop), key, token);
    if (!upload.repeatable) {
      this.#source = new RequestBody(stop, this.settings.idle);
      init.body = this.#source.stream(upload.body as Body);
    }
    // What must not be sent twice has to be known as unsent.
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

  hand(response: Response, bytes: Uint8Array<ArrayBuffer> | null, attempt: Attempt | null, of: Account): Response {
    return hand(response, bytes, attempt, this.idle, of);
  }

  statusError(response: Response, bytes: Uint8Array<ArrayBuffer>, ending: StatusEnding): StatusError {
    const { failure, record, maybeApplied } = ending;
    return new StatusError(failure, held(response, bytes, record), utf8(bytes), maybeApplied);
  }

  refusal(error: CallError): CallError {
    return error;
  }

  /** Whether building the request anew throws: then the caller's mistake, not the network, made it fail. */
  #mistaken(): boolean {
    try {
      const { body, ...init } = this.#init(null, null, null);
      new Request(this.url, this.#prepared.upload.repeatable ? { ...init, body: body ?? null } : init);
      return false;
    } catch {
      return true;
    }
  }

  #ownKey(): boolean {
    return this.#prepared.headers.own?.has(this.settings.idempotency.header.toLowerCase()) === true;
  }

  #init(signal: AbortSignal | null, key: string | null, token: string | null): RequestInit {
    const { method, upload, headers } = this.#prepared;
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

  /** The caller's own key wins over the one that was made. */
  #key(made: string): string {
    const { key } = this.#prepared;
    return typeof key === "string" ? key : made;
  }
}
