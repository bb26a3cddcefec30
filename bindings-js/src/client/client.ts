/// <reference lib="esnext.disposable" preserve="true" />
// A client of one API: verbs that take a path template and return the platform's Response. It adds the headers that the
// policy asks for. The driver and the core handle the rest.

import { Core } from "../core/boundary.js";
import { misuse } from "../core/errors.js";
import { checkOptions, unknownOption } from "../core/options.js";
import type { Exact, Policy } from "../core/policy.js";
import { type RouteSettings, routeOf, type Snapshot } from "../core/settings.js";
import { Credential, type Credentials } from "../driver/credentials.js";
import { run } from "../driver/driver.js";
import type { Engine } from "../driver/engine.js";
import type { EventKind, Listener } from "../driver/events.js";
import { uuid } from "../driver/keys.js";
import { open } from "../driver/open.js";
import { explain } from "../driver/record.js";
import type { HeaderSource } from "../http/headers.js";
import { release } from "../http/request-body.js";
import { type CommonOptions, type Fetch, inBrowser, sender } from "../http/sender.js";
import type { Body } from "../http/upload.js";
import { upload } from "./body.js";
import { callHeaders, type RouteHeaders, routeHeaders } from "./headers.js";
import { VerbCall } from "./request.js";
import { type Answer, beginLater, rejected } from "./response-promise.js";
import { type PathValue, resolve, type Template, template, UrlMistake, type Values } from "./url.js";
import { Views } from "./views.js";

/** The options of a client, beside its policy. */
export interface ClientOptions extends CommonOptions {
  /** Gives the bearer token; see {@link Credentials}. */
  readonly credentials?: Credentials | undefined;
  /** Gives the value of `X-Correlation-Id`, in the context of the call; nothing is sent for undefined. */
  readonly correlationId?: (() => string | undefined) | undefined;
}

/** The options of one call. */
export interface CallOptions {
  /** The values of the path's `{name}`s; percent-encoded. */
  readonly path?: Readonly<Record<string, PathValue>> | undefined;
  /** The query: nulls are dropped, lists repeat. */
  readonly query?: Values | undefined;
  /** Headers; they replace the policy's. */
  readonly headers?: HeaderSource | undefined;
  /** A body of JSON. */
  readonly json?: unknown;
  /** A body of form fields; URL-encoded unless it is a FormData. */
  readonly form?: Values | URLSearchParams | FormData | undefined;
  /** A body as fetch takes it. A stream can be sent only once. */
  readonly body?: Body | null | undefined;
  /** Replaces the policy's `timeouts.total`: milliseconds from now, or a point in time. */
  readonly deadline?: number | Date | undefined;
  /** The caller's own key, or `true` for a new one. The call may then be retried whatever its method. */
  readonly idempotencyKey?: string | true | undefined;
  /** `false`: a status from 400 on is returned, not thrown. */
  readonly raise?: boolean | undefined;
  /** Aborts the call at once, in every wait. The call rejects with the signal's reason, unchanged. */
  readonly signal?: AbortSignal | null | undefined;
}

/**
 * Makes a client for the API that `policy` describes.
 *
 * @param policy - the policy, or the API's bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export function createClient<const P extends Policy>(
  policy: (P & Exact<P, Policy>) | string,
  options: ClientOptions = {},
): Client {
  checkOptions(options, "credentials correlationId");
  return new Client(new Shared(open(policy as Policy | string, options), options), null);
}

/** A client of one API. Made by {@link createClient}. */
export class Client implements Disposable {
  /** `using` a client closes it. */
  declare readonly [Symbol.dispose]: () => void;
  readonly #shared: Shared;
  readonly #credential: Credential | null;
  /** @internal */
  constructor(shared: Shared, credential: Credential | null) {
    this.#shared = shared;
    this.#credential = credential ?? shared.credential;
    if (credential !== null) shared.views.add(credential);
  }

  /**
   * Sends a GET. `path` is a template such as `/orders/{id}`, appended to the base URL's path, or an absolute URL of
   * its origin.
   */
  get(path: string, options?: CallOptions): Answer {
    return this.#call("GET", path, options);
  }

  /** Sends a HEAD: headers only. */
  head(path: string, options?: CallOptions): Answer {
    return this.#call("HEAD", path, options);
  }

  /** Sends a POST. Retried only with an idempotency key, or with proof that nothing was sent. */
  post(path: string, options?: CallOptions): Answer {
    return this.#call("POST", path, options);
  }

  /** Sends a PUT. */
  put(path: string, options?: CallOptions): Answer {
    return this.#call("PUT", path, options);
  }

  /** Sends a PATCH. Retried as `post` is. */
  patch(path: string, options?: CallOptions): Answer {
    return this.#call("PATCH", path, options);
  }

  /** Sends a DELETE. */
  delete(path: string, options?: CallOptions): Answer {
    return this.#call("DELETE", path, options);
  }

  /** Sends a QUERY, a safe request with a body (RFC 10008). Retried as `get` is. */
  query(path: string, options?: CallOptions): Answer {
    return this.#call("QUERY", path, options);
  }

  /** Sends any method and streams: resolves at the headers, and the caller reads the body piece by piece. */
  async stream(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    return run(this.#shared.engine, this.#prepare(method.toUpperCase(), path, options), "at once");
  }

  /** Returns the same client for another user: breaker, budget and limits are shared, tokens never are. */
  as(credentials: Credentials): Client {
    return new Client(this.#shared, new Credential(credentials));
  }

  /**
   * Calls `listener` with events of `kinds`, else with all. The returned function unsubscribes. Events come in batches,
   * at the end of calls.
   */
  on(listener: Listener, kinds?: EventKind | readonly EventKind[]): () => void {
    return this.#shared.engine.events.listen(listener, kinds);
  }

  /** Explains why a call took as long as it did: a short table, for a response or an error of this package. */
  explain(ended: object): string {
    return explain(ended);
  }

  /** Returns counts of calls, attempts and waits, and the state of breakers and limits. */
  snapshot(): Snapshot {
    return this.#shared.engine.snapshot();
  }

  /** Closes the client: waits end with `closed`, new calls fail. Calls in flight may still deliver. */
  close(): void {
    this.#shared.engine.close();
  }

  #call(method: string, path: string, options: CallOptions = {}): Answer {
    try {
      return beginLater(this.#shared.engine, this.#prepare(method, path, options));
    } catch (error) {
      return rejected(error);
    }
  }

  #prepare(method: string, path: string, options: CallOptions): VerbCall {
    const shared = this.#shared;
    try {
      const wrong = unknownOption(options);
      if (wrong !== null) throw new UrlMistake(wrong);
      const { template: from, target } = shared.read(method, path);
      const route = routeOf(target);
      const settings = shared.settings(route);
      const known = shared.headers(route);
      const sent = upload(options.json, options.form, options.body);
      const url = resolve(shared.base, from, options.path, options.query, known.query);
      const headers = callHeaders(known, options.headers, shared.options.correlationId, uuid);
      if (sent.type !== null && headers.own?.has("content-type") !== true) headers.lines["Content-Type"] = sent.type;
      const credential = headers.own?.has("authorization") === true ? null : this.#credential;
      return new VerbCall({
        fetch: shared.sender(),
        method,
        path: from.path,
        url,
        target,
        views: credential === null || credential === shared.credential ? null : shared.views,
        settings,
        headers,
        upload: sent,
        credential,
        signal: options.signal ?? null,
        deadline: shared.deadline(options.deadline),
        key: ownKey(options.idempotencyKey, settings),
        raise: options.raise !== false,
      });
    } catch (error) {
      void release(options?.body);
      if (!(error instanceof UrlMistake)) throw error;
      throw misuse(`${method} ${path.split("?")[0]}`, error.message);
    }
  }
}

// Not in the class: where the symbol does not exist yet, the method would be called "undefined".
Object.defineProperty(Client.prototype, Symbol.dispose ?? Symbol.for("Symbol.dispose"), {
  value(this: Client): void {
    this.close();
  },
});

/** The state that all views of one client share. */
class Shared {
  readonly engine: Engine;
  readonly options: ClientOptions;
  readonly sender: () => Fetch;
  readonly credential: Credential | null;
  readonly base: string | null;
  readonly views: Views;
  readonly #browser = inBrowser();
  readonly #paths = new Map<string, { readonly template: Template; readonly targets: Map<string, number> }>();
  readonly #headers: RouteHeaders[] = [];

  constructor(engine: Engine, options: ClientOptions) {
    this.engine = engine;
    this.views = new Views(engine);
    this.options = options;
    this.sender = sender(options);
    this.credential = options.credentials === undefined ? null : new Credential(options.credentials);
    const { baseUrl } = engine.settings;
    this.base = typeof baseUrl === "string" ? withoutSlash(baseUrl) : null;
  }

  settings(route: number): RouteSettings {
    return this.engine.settings.routes[route] as RouteSettings;
  }

  /** Returns the template of a path and the target of method and path; caches the last thousand paths. */
  read(method: string, path: string): { readonly template: Template; readonly target: number } {
    let known = this.#paths.get(path);
    if (known === undefined) {
      known = { template: template(path), targets: new Map() };
      if (this.#paths.size >= 1000) this.#paths.clear();
      this.#paths.set(path, known);
    }
    let target = known.targets.get(method);
    if (target === undefined) {
      const { origin, path: own } = known.template;
      target = this.engine.core.route(`${method} ${origin ?? ""}${own}`);
      known.targets.set(method, target);
    }
    return { template: known.template, target };
  }

  headers(route: number): RouteHeaders {
    const known = this.#headers[route] ?? routeHeaders(this.settings(route), this.#browser);
    this.#headers[route] = known;
    return known;
  }

  /** Returns milliseconds from now; at least 1, since 0 means the policy's. */
  deadline(given: number | Date | undefined): number {
    if (given === undefined) return 0;
    const ms = Number(given) - (given instanceof Date ? this.engine.clock.wall() : 0);
    if (Number.isNaN(ms)) throw new TypeError("deadline: neither milliseconds nor a Date");
    return Math.min(2 ** 40, Math.max(1, Math.ceil(ms)));
  }
}

/** Returns the caller's key in the form of its header, which the core makes. */
function ownKey(key: string | true | undefined, { idempotency }: RouteSettings): string | true | undefined {
  if (typeof key !== "string") return key;
  const text = Core.headerKey(key, idempotency.format === "sf-string");
  if (text === "") {
    throw new UrlMistake("idempotencyKey: write 1 to 255 printable ASCII characters, without a space at either end.");
  }
  return text;
}

function withoutSlash(url: string): string {
  return url.endsWith("/") ? withoutSlash(url.slice(0, -1)) : url;
}
