/// <reference lib="esnext.disposable" />

/** A Promise of the Response, with the usual ways to read its body. */
export declare interface Answer extends Promise<Response> {
    /**
     * Reads the body as JSON; undefined for an empty one. Called in the tick of the verb, it makes the body part of the
     * call: a body that breaks or stalls is then retried. Rejects with a SyntaxError for a body that is not JSON.
     */
    json<T = unknown>(): Promise<T>;
    /** Reads the body as text; retried as for {@link Answer.json}. */
    text(): Promise<string>;
    /** Reads the body as bytes; retried as for {@link Answer.json}. */
    bytes(): Promise<ReturnType<Uint8Array["slice"]>>;
}

/** A body as fetch takes it, by whatever name the platform's types call it. */
declare type Body_2 = NonNullable<ConstructorParameters<typeof Response>[0]>;

/** The circuit breaker. It counts calls, not attempts. */
export declare interface Breaker {
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

/** The retry budget. */
export declare interface Budget {
    readonly note?: Maybe<string>;
    readonly capacity?: Maybe<number>;
    readonly perCall?: Maybe<number>;
    readonly perSecond?: Maybe<number>;
}

/** A call ended without an answer that counts. */
export declare class CallError extends Error {
    readonly name: string;
    /** Which rule ended the call; a stable word. */
    readonly reason: Reason;
    /** What the server may have done, over all attempts. */
    readonly outcome: Outcome;
    /** 1 + paid retries; 0 if nothing was sent. */
    readonly attempts: number;
    /** Milliseconds from begin to end. */
    readonly elapsed: number;
    /** The last status, if there was an answer. */
    readonly status: number | undefined;
    /** How the last attempt broke, if it did. */
    readonly fault: string | undefined;
    /** Milliseconds after which a new call makes sense, where known. */
    readonly retryAfterMs: number | undefined;
    /** The same by the wall clock. */
    readonly retryAt: Date | undefined;
    /** The call's record as plain values. */
    readonly report: Report_2;
    constructor(failure: Failure);
    /** Explains why the call took as long as it did: a short table of attempts, waits and their rules. */
    explain(): string;
}

/** The options of one call. */
export declare interface CallOptions {
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
    readonly body?: Body_2 | null | undefined;
    /** Replaces the policy's `timeouts.total`: milliseconds from now, or a point in time. */
    readonly deadline?: number | Date | undefined;
    /** The caller's own key, or `true` for a new one. The call may then be retried whatever its method. */
    readonly idempotencyKey?: string | true | undefined;
    /** `false`: a status from 400 on is returned, not thrown. */
    readonly raise?: boolean | undefined;
    /** Aborts the call at once, in every wait. The call rejects with the signal's reason, unchanged. */
    readonly signal?: AbortSignal | null | undefined;
}

/** A client of one API. Made by {@link createClient}. */
export declare class Client implements Disposable {
    #private;
    /** `using` a client closes it. */
    readonly [Symbol.dispose]: () => void;
    /**
     * Sends a GET. `path` is a template such as `/orders/{id}`, appended to the base URL's path, or an absolute URL of
     * its origin.
     */
    get(path: string, options?: CallOptions): Answer;
    /** Sends a HEAD: headers only. */
    head(path: string, options?: CallOptions): Answer;
    /** Sends a POST. Retried only with an idempotency key, or with proof that nothing was sent. */
    post(path: string, options?: CallOptions): Answer;
    /** Sends a PUT. */
    put(path: string, options?: CallOptions): Answer;
    /** Sends a PATCH. Retried as `post` is. */
    patch(path: string, options?: CallOptions): Answer;
    /** Sends a DELETE. */
    delete(path: string, options?: CallOptions): Answer;
    /** Sends a QUERY, a safe request with a body (RFC 10008). Retried as `get` is. */
    query(path: string, options?: CallOptions): Answer;
    /** Sends any method and streams: resolves at the headers, and the caller reads the body piece by piece. */
    stream(method: string, path: string, options?: CallOptions): Promise<Response>;
    /** Returns the same client for another user: breaker, budget and limits are shared, tokens never are. */
    as(credentials: Credentials): Client;
    /**
     * Calls `listener` with events of `kinds`, else with all. The returned function unsubscribes. Events come in batches,
     * at the end of calls.
     */
    on(listener: Listener, kinds?: EventKind | readonly EventKind[]): () => void;
    /** Explains why a call took as long as it did: a short table, for a response or an error of this package. */
    explain(ended: object): string;
    /** Returns counts of calls, attempts and waits, and the state of breakers and limits. */
    snapshot(): Snapshot;
    /** Closes the client: waits end with `closed`, new calls fail. Calls in flight may still deliver. */
    close(): void;
}

/** The API's breakers. */
export declare interface ClientBreaker extends Breaker {
    /** One breaker for the API, one per endpoint, or both: one endpoint that fails holds back no other. Default `both`. */
    readonly scope?: Maybe<Open<"api" | "route" | "both">>;
}

/** One event. Its fields depend on the kind. */
export declare interface ClientEvent {
    readonly kind: EventKind;
    /** Milliseconds since the client was made. */
    readonly at: number;
    readonly call?: number;
    /** The policy's pattern; empty where none matches. */
    readonly route?: string;
    /**
     * The endpoint whose breaker changed, or whose calls alone a 429 holds: method and template of a verb, the method
     * alone of a drop-in. Without it and without a `route`: the API.
     */
    readonly endpoint?: string;
    readonly scope?: number;
    readonly attempt?: number;
    readonly attempts?: number;
    readonly status?: number | null;
    readonly fault?: string | null;
    readonly reason?: Reason | null;
    readonly outcome?: string;
    /** Duration so far or to come, in ms. */
    readonly ms?: number;
    /** The rule that asked for a wait. */
    readonly rule?: string;
    readonly from?: string;
    readonly to?: string;
    readonly limit?: string;
    readonly change?: string;
    readonly generation?: number;
    readonly text?: string;
}

/** The options of a client, beside its policy. */
export declare interface ClientOptions extends CommonOptions {
    /** Gives the bearer token; see {@link Credentials}. */
    readonly credentials?: Credentials | undefined;
    /** Gives the value of `X-Correlation-Id`, in the context of the call; nothing is sent for undefined. */
    readonly correlationId?: (() => string | undefined) | undefined;
}

/** Retries of the whole API. */
export declare interface ClientRetry extends Retry {
    readonly budget?: Maybe<Budget>;
}

/** The clock of the driver. All in milliseconds. */
export declare interface Clock {
    /** Returns monotonic time, possibly with a fraction; the origin does not matter. */
    now(): number;
    /** Returns the time since 1970, as `Date.now()`. */
    wall(): number;
    /**
     * Runs `then` once after `ms` (any size) and returns a function that cancels it. Where the platform supports it, a
     * `quiet` timer does not keep the process alive.
     */
    timer(ms: number, then: () => void, quiet: boolean): () => void;
    /** The clock for time limits of requests, if it is another one. */
    readonly limits?: Clock;
}

/** The options of every client and drop-in. */
export declare interface CommonOptions extends EngineOptions {
    /** The sender of requests. Default: `globalThis.fetch`, looked up at each call. */
    readonly fetch?: Fetch | undefined;
}

/**
 * Makes a client for the API that `policy` describes.
 *
 * @param policy - the policy, or the API's bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export declare function createClient<const P extends Policy>(policy: (P & Exact<P, Policy>) | string, options?: ClientOptions): Client;

/**
 * Makes a drop-in for `fetch`: `new OpenAI({ fetch: createFetch(policy), maxRetries: 0 })`.
 *
 * @param policy - the policy, or a bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export declare function createFetch<const P extends Policy>(policy: (P & Exact<P, Policy>) | string, options?: FetchOptions): ResilientFetch;

/**
 * Gives the bearer token. A plain string is asked for at each attempt, in the context of the call that needs it; a
 * {@link Token} is kept and asked for once, for all calls together. A function that declares no parameter (whose `length`
 * is 0) is called without the need.
 */
export declare type Credentials = (need: Need) => string | Token | Promise<string | Token>;

/** The controls of a drop-in. */
export declare interface DropIn {
    /**
     * Explains why a call took as long as it did: a short table, for a response or an error that came through the
     * drop-in.
     */
    explain(ended: object): string;
    /** Calls `listener` with events of `kinds`, else with all. The returned function unsubscribes. */
    on(listener: Listener, kinds?: EventKind | readonly EventKind[]): () => void;
    /** Returns counts of calls, attempts and waits, and the state of breakers and limits. */
    snapshot(): Snapshot;
    /** Closes the drop-in: waits end, new calls fail. */
    close(): void;
}

/** `"200ms" "3s" "5m" "1h"`, or whole milliseconds. */
export declare type Duration = string | number;

/** The options of an engine, beside its policy. */
declare interface EngineOptions {
    /** Replaces the policy's `baseUrl`; needed in browsers where that is `{ "env": NAME }`. */
    readonly baseUrl?: string | undefined;
    /** Receives one line for each notable event; `console` fits. */
    readonly log?: Log | undefined;
    /** `"warn"`: unknown keys are skipped with a warning event. Default: they are errors. */
    readonly unknownKeys?: "error" | "warn" | undefined;
    /** The clock, for tests. */
    readonly clock?: Clock | undefined;
}

/** Kinds of events in the order of their bits. */
declare const EVENT_KINDS: readonly ["attempt", "wait", "breaker", "limiter", "refresh", "call", "stacked", "warning"];

/** The kinds of events. */
export declare type EventKind = (typeof EVENT_KINDS)[number];

/**
 * `T` with every key that `Shape` does not know turned into an error. TypeScript checks excess keys of literals only;
 * an imported JSON file is none.
 */
declare type Exact<T, Shape> = T extends readonly (infer Item)[] ? readonly Exact<Item, Items<Shape>>[] : T extends object ? {
    readonly [Key in keyof T]: Key extends keyof Objects<Shape> ? Exact<T[Key], Objects<Shape>[Key]> : never;
} : T;

/**
 * Explains why a call took as long as it did: a short table, for a response or an error of this package, or for an
 * error that has one of those as its `cause`.
 */
export declare function explain(ended: object): string;

/** The parts of a {@link CallError}. */
declare interface Failure {
    readonly reason: Reason;
    readonly outcome: Outcome;
    readonly report: Report_2;
    /** Method and path template, for the text. */
    readonly label: string;
    readonly wall: number;
    readonly cause?: unknown;
}

/** A fetch of the platform's kind. */
export declare type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** The options of a drop-in, beside its policy. */
export declare interface FetchOptions extends CommonOptions {
    /**
     * `true`: bodies are read before a call counts as answered, so that a broken one is retried. Event streams, and
     * bodies whose declared length is above the policy's `maxBody`, are streamed all the same. Default: all are streamed.
     */
    readonly buffer?: boolean | undefined;
}

/** Headers that report what is left of a limit. */
export declare interface Gauge {
    readonly note?: Maybe<string>;
    readonly remaining?: Maybe<string>;
    readonly limit?: Maybe<string>;
    readonly reset?: Maybe<string>;
    readonly unit?: Maybe<Open<"auto" | "ms">>;
}

/** Headers as fetch takes them, by whatever name the platform's types call it. */
declare type HeaderSource = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** Automatic idempotency keys. */
export declare interface Idempotency {
    readonly note?: Maybe<string>;
    readonly header?: Maybe<string>;
    readonly methods?: Maybe<readonly string[]>;
    readonly format?: Maybe<Open<"uuid" | "sf-string">>;
}

/** What is wrong with one place of a policy. */
export declare interface Issue {
    /** The place, as `limits[1].per`; empty for the whole text. */
    readonly path: string;
    /** `path: found; allowed`. */
    readonly text: string;
    /** Counted from 1, in the text that the core read. */
    readonly line: number;
    readonly column: number;
}

declare type Items<Shape> = Extract<Shape, readonly unknown[]> extends readonly (infer Item)[] ? Item : never;

/** One documented or learned rate limit. */
export declare interface Limit {
    readonly note?: Maybe<string>;
    readonly name?: Maybe<string>;
    readonly rate?: Maybe<number>;
    readonly per?: Maybe<Duration>;
    readonly burst?: Maybe<number>;
    readonly headroom?: Maybe<number>;
    readonly cost?: Maybe<number>;
    readonly headers?: Maybe<string | Gauge>;
}

/** Receives events one by one. An exception is reported, not passed on. */
export declare type Listener = (event: ClientEvent) => void;

/** The receiver of log lines; `console` is one. */
export declare interface Log {
    debug(line: string): void;
    info(line: string): void;
    warn(line: string): void;
}

declare type Maybe<T> = T | null | undefined;

/** Why a credentials function is asked. */
export declare interface Need {
    /**
     * `first`: there was no token yet, as at each ask of a function that gives plain strings. `expired`: the last token has ended,
     * or will soon. `refused`: a 401 refused the last token, whose time was not over.
     */
    readonly why: "first" | "expired" | "refused";
}

declare type Objects<Shape> = Exclude<Extract<Shape, object>, readonly unknown[]>;

declare type Open<T extends string> = T | (string & Record<never, never>);

/** Whether the server may have acted ("Was the card charged?"), over all attempts. */
export declare type Outcome = (typeof OUTCOMES)[number];

/** What may have happened at the server, in the order of the codes. */
declare const OUTCOMES: readonly ["not-sent", "rejected", "unknown"];

/** What a `{name}` of a path may be. */
export declare type PathValue = string | number | bigint | boolean;

/** One policy file. Every key is optional. */
export declare interface Policy {
    /** The format's major: 1. */
    readonly unruffled?: Maybe<number>;
    readonly $schema?: Maybe<string>;
    readonly note?: Maybe<string>;
    /** Label in events. Default: the base URL's host. */
    readonly name?: Maybe<string>;
    readonly baseUrl?: Maybe<string | {
        readonly env: string;
    }>;
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

/** The policy is wrong: thrown when a client is made, never later. */
export declare class PolicyError extends Error {
    readonly name: string;
    /** Every place that is wrong, in the order of the policy (at most 20). */
    readonly issues: readonly Issue[];
    constructor(issues: readonly Issue[]);
}

/** Why a call ended without a delivered answer. */
export declare type Reason = (typeof REASONS)[number];

/** Why a call ended without a delivered answer; the index is the code. */
declare const REASONS: readonly ["status", "retries-exhausted", "deadline", "circuit-open", "rate-limited", "budget-exhausted", "overloaded", "not-replayable", "network", "timeout", "offline", "auth", "pagination", "closed", "misuse"];

/** The record of one call: what happened, in which order, and which rule asked for each wait. */
declare interface Report_2 {
    /** 1 + paid retries. */
    readonly attempts: number;
    /** Milliseconds from begin to end. */
    readonly elapsed: number;
    readonly outcome: Outcome;
    readonly reason: Reason | null;
    /** Of the last attempt. */
    readonly status: number | null;
    /** Of the last attempt. */
    readonly fault: string | null;
    /** When a new call makes sense, counted from the end of this one. */
    readonly retryAfterMs: number | null;
    /** One sentence: what to do. */
    readonly advice: string;
    /** The text of an error after method and path: what happened, the rule that ended it, the outcome and the advice. */
    readonly message: string;
    readonly entries: readonly ReportEntry[];
    /** Entries left out in the middle of a long call. */
    readonly dropped: number;
    /** The same as a short table, for people. */
    readonly text: string;
}
export { Report_2 as Report }

/** One line of a report. */
export declare interface ReportEntry {
    /** Milliseconds since the call began. */
    readonly at: number;
    readonly what: string;
    readonly value: number | string | null;
    readonly rule: string | null;
    /** Whose rate limit it waited for. */
    readonly of?: "limit" | "endpoint" | "api";
}

/** A `fetch` that retries, waits and gives up as its policy says. */
export declare interface ResilientFetch extends Fetch, DropIn {
}

/** Retries and backoff. */
export declare interface Retry {
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

/** The keys that a route may override. */
export declare interface RoutePolicy {
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

/** A rule for an answer whose status alone does not decide. */
export declare interface Rule {
    readonly note?: Maybe<string>;
    readonly status?: Maybe<number | readonly number[]>;
    readonly header?: Maybe<string>;
    readonly json?: Maybe<string>;
    readonly is?: Maybe<readonly (string | number | boolean)[]>;
    readonly as?: Maybe<Open<"fail" | "retry" | "rate-limited">>;
}

/** Bytes, or `"64KiB" "8MiB"`. */
export declare type Size = string | number;

/** The state of a client: counts since it was made, and each upstream by origin. */
export declare interface Snapshot {
    readonly begun: number;
    readonly attempts: number;
    readonly inFlight: number;
    readonly live: number;
    readonly waiting: number;
    readonly upstreams: readonly Upstream[];
}

/** The last answer had a status from 400 on. */
export declare class StatusError extends CallError {
    readonly name: string;
    readonly status: number;
    readonly headers: Headers;
    /** The answer; its body is held in memory, cut at 64 KiB. */
    readonly response: Response;
    /** The body as text, cut at 64 KiB. Never part of `message`. */
    readonly body: string;
    /** The status (404, 410, 412) may be the echo of an earlier attempt of this call that did its work. */
    readonly maybeApplied: boolean;
    constructor(failure: Failure, response: Response, body: string, maybeApplied?: boolean);
}

/** Time limits. */
export declare interface Timeouts {
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

/** A token that may be kept until it expires. */
export declare interface Token {
    readonly token: string;
    /** When it ends: a Date, or ms since 1970. Absent: it never does. */
    readonly expiresAt?: Date | number | undefined;
}

/** One origin's breakers, retry budget and limits. */
export declare interface Upstream {
    readonly origin: string;
    /** The state of its most open breaker. */
    readonly breaker: "closed" | "open" | "half-open";
    /** Calls that its open breakers refused or queued since the last probe. */
    readonly refused: number;
    /** Retry tokens in millionths. */
    readonly budget: number;
    readonly waiting: number;
    /** The policy's limits. Without any: the API's own limit, and those of endpoints that answered 429. */
    readonly limits: readonly {
        readonly name: string;
        /** Of an endpoint's: its route, empty where no pattern fits. */
        readonly route?: string;
        /** Of an endpoint's without a route: method and template of a verb, the method alone of a drop-in. */
        readonly endpoint?: string;
        /** In millionths; null = not known. */
        readonly tokens: number | null;
        /** Millionths per second; null = not known. */
        readonly rate: number | null;
        readonly pausedMs: number;
    }[];
}

/** One query or form value; null and undefined leave the name out, a list repeats it. */
export declare type Value = string | number | boolean | bigint | null | undefined;

/** Query or form values by name. */
export declare type Values = Readonly<Record<string, Value | readonly Value[]>>;

/** The API's version, pinned. */
export declare interface Version {
    readonly note?: Maybe<string>;
    readonly pin?: Maybe<string>;
    readonly header?: Maybe<string>;
    readonly query?: Maybe<string>;
}

export { }
