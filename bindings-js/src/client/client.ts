/// <reference lib="esnext.disposable" preserve="true" />
// A client of one API: verbs that take a path template and give the platform's Response, with everything said in headers
// that the API wants said. What becomes of a call is the engine's and the core's.

import { Core } from "../core/boundary.js";
import { misuse } from "../core/errors.js";
import { checkOptions, strange } from "../core/options.js";
import type { Exact, Policy } from "../core/policy.js";
import { type RouteSettings, routeOf, type Snapshot } from "../core/settings.js";
import { Auth, type Credentials } from "../driver/credentials.js";
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
import { Order } from "./request.js";
import { type Answer, answer, refused } from "./response-promise.js";
import { type PathValue, resolve, type Template, template, UrlMistake, type Values } from "./url.js";
import { Views } from "./views.js";

/** What a client is made with, beside its policy. */
export interface ClientOptions extends CommonOptions {
  /** Gives the bearer token; see {@link Credentials}. */
  readonly credentials?: Credentials | undefined;
  /** Gives the value of `X-Correlation-Id`, in the context of the call; nothing is sent for undefined. */
  readonly correlationId?: (() => string | undefined) | undefined;
}

/** What one call may say. */
export interface CallOptions {
  /** Values of the `{name}`s of the path; percent-encoded. */
  readonly path?: Readonly<Record<string, PathValue>> | undefined;
  /** Nulls are dropped, lists repeat. */
  readonly query?: Values | undefined;
  /** Win over the policy's. */
  readonly headers?: HeaderSource | undefined;
  /** A body of JSON. */
  readonly json?: unknown;
  /** A body of form fields; URL-encoded unless it is a FormData. */
  readonly form?: Values | URLSearchParams | FormData | undefined;
  /** A body as fetch takes it. A stream can be sent only once. */
  readonly body?: Body | null | undefined;
  /** In place of the policy's `timeouts.total`: milliseconds from now, or a point in time. */
  readonly deadline?: number | Date | undefined;
  /** A key of the caller's own, or `true` for a new one: the call may then be retried whatever its method. */
  readonly idempotencyKey?: string | true | undefined;
  /** `false`: a status from 400 on is returned, not thrown. */
  readonly raise?: boolean | undefined;
  /** Ends the call at once, in every wait; the call rejects with its reason, untouched. */
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
  readonly #auth: Auth | null;
  /** @internal */
  constructor(shared: Shared, auth: Auth | null) {
    this.#shared = shared;
    this.#auth = auth ?? shared.auth;
    if (auth !== null) shared.views.add(auth);
  }

  /** Reads. `path` is a template as `/orders/{id}`, appended to the base URL's path, or an absolute URL of its origin. */
  get(path: string, options?: CallOptions): Answer {
    return this.#call("GET", path, options);
  }

  /** Reads the headers alone. */
  head(path: string, options?: CallOptions): Answer {
    return this.#call("HEAD", path, options);
  }

  /** Creates or acts. Retried only with an idempotency key, or where it is proven that nothing was sent. */
  post(path: string, options?: CallOptions): Answer {
    return this.#call("POST", path, options);
  }

  /** Replaces. */
  put(path: string, options?: CallOptions): Answer {
    return this.#call("PUT", path, options);
  }

  /** Changes in part. Retried as `post` is. */
  patch(path: string, options?: CallOptions): Answer {
    return this.#call("PATCH", path, options);
  }

  /** Removes. */
  delete(path: string, options?: CallOptions): Answer {
    return this.#call("DELETE", path, options);
  }

  /** Asks with a body (RFC 10008); as safe as `get`. */
  query(path: string, options?: CallOptions): Answer {
    return this.#call("QUERY", path, options);
  }

  /** Any method; the Response comes at its headers, and its body is the caller's to read piece by piece. */
  async stream(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    return run(this.#shared.engine, this.#order(method.toUpperCase(), path, options), "at once");
  }

  /** The same client for another user: breaker, budget and limits are shared, tokens never are. */
  as(credentials: Credentials): Client {
    return new Client(this.#shared, new Auth(credentials));
  }

  /** Calls `listener` with events: of `kinds`, else with all. The answer ends it. They come in batches, at the end of calls. */
  on(listener: Listener, kinds?: EventKind | readonly EventKind[]): () => void {
    return this.#shared.engine.events.listen(listener, kinds);
  }

  /** Why a call took as long as it did: a short table, for a response or an error that this package handed out. */
  explain(ended: object): string {
    return explain(ended);
  }

  /** Calls, attempts, waits, breakers and limits as they stand now. */
  snapshot(): Snapshot {
    return this.#shared.engine.snapshot();
  }

  /** Ends all waits with `closed`. Calls in flight may still deliver, new ones fail. */
  close(): void {
    this.#shared.engine.close();
  }

  #call(method: string, path: string, options: CallOptions = {}): Answer {
    try {
      return answer(this.#shared.engine, this.#order(method, path, options));
    } catch (error) {
      return refused(error);
    }
  }

  #order(method: string, path: string, options: CallOptions): Order {
    const shared = this.#shared;
    try {
      const wrong = strange(options);
      if (wrong !== null) throw new UrlMistake(wrong);
      const { template: from, target } = shared.read(method, path);
      const route = routeOf(target);
      const settings = shared.settings(route);
      const known = shared.headers(route);
      const sent = upload(options.json, options.form, options.body);
      const url = resolve(shared.base, from, options.path, options.query, known.query);
      const headers = callHeaders(known, options.headers, shared.options.correlationId, uuid);
      if (sent.type !== null && headers.own?.has("content-type") !== true) headers.lines["Content-Type"] = sent.type;
      const auth = headers.own?.has("authorization") === true ? null : this.#auth;
      return new Order({
        fetch: shared.sender(),
        method,
        path: from.path,
        url,
        target,
        views: auth === null || auth === shared.auth ? null : shared.views,
        settings,
        headers,
        upload: sent,
        auth,
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

// Not in the class: where the symbol is unknown yet, the method would be called "undefined".
Object.defineProperty(Client.prototype, Symbol.dispose ?? Symbol.for("Symbol.dispose"), {
  value(this: Client): void {
    this.close();
  },
});

/** What all views of one client share. */
class Shared {
  readonly engine: Engine;
  readonly options: ClientOptions;
  readonly sender: () => Fetch;
  readonly auth: Auth | null;
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
    this.auth = options.credentials === undefined ? null : new Auth(options.credentials);
    const { baseUrl } = engine.settings;
    this.base = typeof baseUrl === "string" ? withoutSlash(baseUrl) : null;
  }

  settings(route: number): RouteSettings {
    return this.engine.settings.routes[route] as RouteSettings;
  }

  /** The template of a path and the target of method and path, remembered for the thousand paths seen last. */
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

  /** Milliseconds from now; at least 1, since 0 means the policy's. */
  deadline(given: number | Date | undefined): number {
    if (given === undefined) return 0;
    const ms = Number(given) - (given instanceof Date ? this.engine.clock.wall() : 0);
    if (Number.isNaN(ms)) throw new TypeError("deadline: neither milliseconds nor a Date");
    return Math.min(2 ** 40, Math.max(1, Math.ceil(ms)));
  }
}

/** The caller's key as its header says it; made into one by the core. */
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
