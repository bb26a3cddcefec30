// The policy file as a type: closed keys, open literals (an imported JSON file has `string`, not "service"). The core
// checks the values; here a typo in a key is caught where it is written.

type Maybe<T> = T | null | undefined;
type Open<T extends string> = T | (string & Record<never, never>);

/** `"200ms" "3s" "5m" "1h"`, or whole milliseconds. */
export type Duration = string | number;
/** Bytes, or `"64KiB" "8MiB"`. */
export type Size = string | number;

/** The keys that a route may override. */
export interface RoutePolicy {
  readonly note?: Maybe<string>;
  /** Sent always; the call's own win. */
  readonly headers?: Maybe<Readonly<Record<string, string>>>;
  readonly query?: Maybe<Readonly<Record<string, string>>>;
  readonly timeouts?: Maybe<Timeouts>;
  /** The largest buffered answer. Default 8 MiB. */
  readonly maxBody?: Maybe<Size>;
  readonly bufferUpTo?: Maybe<Size>;
  readonly retry?: Maybe<Retry>;
  /** A POST may be sent again, a GET must not. Default: by method. */
  readonly repeatable?: Maybe<boolean>;
  readonly idempotency?: Maybe<boolean | Idempotency>;
  readonly classify?: Maybe<readonly Rule[]>;
  readonly breaker?: Maybe<boolean | Breaker>;
  /** The draw of a call from each limit, by name. */
  readonly cost?: Maybe<Readonly<Record<string, number>>>;
}

/** One policy file. Every key is optional. */
export interface Policy {
  /** The format's major: 1. */
  readonly unruffled?: Maybe<number>;
  readonly $schema?: Maybe<string>;
  readonly note?: Maybe<string>;
  /** Label in events. Default: the base URL's host. */
  readonly name?: Maybe<string>;
  readonly baseUrl?: Maybe<string | { readonly env: string }>;
  readonly headers?: Maybe<Readonly<Record<string, string>>>;
  readonly query?: Maybe<Readonly<Record<string, string>>>;
  readonly userAgent?: Maybe<string | boolean>;
  readonly requestId?: Maybe<string | boolean>;
  readonly correlationId?: Maybe<string | boolean>;
  readonly version?: Maybe<Version>;
  /** `interactive` (10 s, 3 attempts), `service` (60 s, 4), `batch` (10 min, 8). Default `service`. */
  readonly preset?: Maybe<Open<"interactive" | "service" | "batch">>;
  readonly timeouts?: Maybe<Timeouts>;
  readonly maxBody?: Maybe<Size>;
  readonly bufferUpTo?: Maybe<Size>;
  /** Attempts in flight. Default 100. */
  readonly concurrency?: Maybe<number>;
  /** Calls in all queues together; one more fails with `overloaded`. Default 10,000. */
  readonly maxWaiting?: Maybe<number>;
  readonly retry?: Maybe<ClientRetry>;
  readonly idempotency?: Maybe<boolean | Idempotency>;
  readonly classify?: Maybe<readonly Rule[]>;
  readonly breaker?: Maybe<boolean | ClientBreaker>;
  readonly limits?: Maybe<readonly Limit[]>;
  readonly routes?: Maybe<Readonly<Record<string, RoutePolicy>>>;
}

/** The API's version, pinned. */
export interface Version {
  readonly note?: Maybe<string>;
  readonly pin?: Maybe<string>;
  readonly header?: Maybe<string>;
  readonly query?: Maybe<string>;
}

/** Time limits. */
export interface Timeouts {
  readonly note?: Maybe<string>;
  readonly connect?: Maybe<Duration>;
  /** Between two pieces of a streamed body. Default 10 s. */
  readonly idle?: Maybe<Duration>;
  /** One attempt, a buffered body included. Default 10 s. */
  readonly attempt?: Maybe<Duration>;
  /** The whole call, waits included. Default 60 s. */
  readonly total?: Maybe<Duration>;
  /** For OkHttp interceptors: how long a call waits between two attempts. Default 2 s. */
  readonly wait?: Maybe<Duration>;
}

/** Retries and backoff. */
export interface Retry {
  readonly note?: Maybe<string>;
  /** The first included. Default 4. */
  readonly attempts?: Maybe<number>;
  readonly base?: Maybe<Duration>;
  readonly cap?: Maybe<Duration>;
  readonly jitter?: Maybe<Open<"added" | "full" | "none">>;
  /** Longer demands of the server fail at once. Default: none. */
  readonly maxRetryAfter?: Maybe<Duration>;
  readonly patience?: Maybe<Duration>;
}

/** Retries of the whole API. */
export interface ClientRetry extends Retry {
  readonly budget?: Maybe<Budget>;
}

/** The retry budget. */
export interface Budget {
  readonly note?: Maybe<string>;
  readonly capacity?: Maybe<number>;
  readonly perCall?: Maybe<number>;
  readonly perSecond?: Maybe<number>;
}

/** Automatic idempotency keys. */
export interface Idempotency {
  readonly note?: Maybe<string>;
  readonly header?: Maybe<string>;
  readonly methods?: Maybe<readonly string[]>;
  readonly format?: Maybe<Open<"uuid" | "sf-string">>;
}

/** A rule for an answer whose status alone does not decide. */
export interface Rule {
  readonly note?: Maybe<string>;
  readonly status?: Maybe<number | readonly number[]>;
  readonly header?: Maybe<string>;
  readonly json?: Maybe<string>;
  readonly is?: Maybe<readonly (string | number | boolean)[]>;
  readonly as?: Maybe<Open<"fail" | "retry" | "rate-limited">>;
}

/** The circuit breaker. It counts calls, not attempts. */
export interface Breaker {
  readonly note?: Maybe<string>;
  readonly window?: Maybe<Duration>;
  readonly failureRate?: Maybe<number>;
  readonly minimumCalls?: Maybe<number>;
  readonly run?: Maybe<number>;
  readonly coolDown?: Maybe<Duration>;
  /** The longest time from a failed probe to the next. Default 5 s. */
  readonly latestProbe?: Maybe<Duration>;
  readonly probes?: Maybe<number>;
  /**
   * How long a new call waits while the breaker is open; 0 = it fails at once. Default: as long as its own retries would
   * go on (2.8 s with 4 attempts on a server that fails at once).
   */
  readonly wait?: Maybe<Duration>;
  readonly slowAfter?: Maybe<Duration>;
}

/** The API's breakers. */
export interface ClientBreaker extends Breaker {
  /** One breaker for the API, one per endpoint, or both: one endpoint that fails holds back no other. Default `both`. */
  readonly scope?: Maybe<Open<"api" | "route" | "both">>;
}

/** One documented or learned rate limit. */
export interface Limit {
  readonly note?: Maybe<string>;
  readonly name?: Maybe<string>;
  readonly rate?: Maybe<number>;
  readonly per?: Maybe<Duration>;
  readonly burst?: Maybe<number>;
  readonly headroom?: Maybe<number>;
  readonly cost?: Maybe<number>;
  readonly headers?: Maybe<string | Gauge>;
}

/** Headers that report what is left of a limit. */
export interface Gauge {
  readonly note?: Maybe<string>;
  readonly remaining?: Maybe<string>;
  readonly limit?: Maybe<string>;
  readonly reset?: Maybe<string>;
  readonly unit?: Maybe<Open<"auto" | "ms">>;
}

/**
 * `T` with every key that `Shape` does not know turned into an error. TypeScript checks excess keys of literals only;
 * an imported JSON file is none.
 */
export type Exact<T, Shape> = T extends readonly (infer Item)[]
  ? readonly Exact<Item, Items<Shape>>[]
  : T extends object
    ? { readonly [Key in keyof T]: Key extends keyof Objects<Shape> ? Exact<T[Key], Objects<Shape>[Key]> : never }
    : T;

type Items<Shape> = Extract<Shape, readonly unknown[]> extends readonly (infer Item)[] ? Item : never;
type Objects<Shape> = Exclude<Extract<Shape, object>, readonly unknown[]>;
