/** An adapter that retries, waits and gives up as its policy says: axios's own type, with controls. */
export declare type Adapter<A extends Axios> = ReturnType<A["getAdapter"]> & DropIn;

/** The options of an adapter, beside its policy. */
export declare interface AdapterOptions extends Omit<CommonOptions, "fetch"> {
    /**
     * The sender of requests: an adapter of axios, its name, or a list of which the first that fits. Default: axios's
     * own.
     */
    readonly adapter?: unknown;
}

/** axios itself, as far as it is used here: any version from 1.5 on. */
export declare interface Axios {
    getAdapter(adapters: never, config?: never): unknown;
    readonly AxiosError: AxiosErrors;
    readonly defaults: {
        readonly adapter?: unknown;
    };
}

/** The class of axios's errors. */
declare type AxiosErrors = new (message?: string, code?: string, config?: never) => Error;

/** The circuit breaker. It counts calls, not attempts. */
declare interface Breaker {
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
declare interface Budget {
    readonly note?: Maybe<string>;
    readonly capacity?: Maybe<number>;
    readonly perCall?: Maybe<number>;
    readonly perSecond?: Maybe<number>;
}

/** The API's breakers. */
declare interface ClientBreaker extends Breaker {
    /** One breaker for the API, one per endpoint, or both: one endpoint that fails holds back no other. Default `both`. */
    readonly scope?: Maybe<Open<"api" | "route" | "both">>;
}

/** One event. Its fields depend on the kind. */
declare interface ClientEvent {
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

/** Retries of the whole API. */
declare interface ClientRetry extends Retry {
    readonly budget?: Maybe<Budget>;
}

/** The clock of the driver. All in milliseconds. */
declare interface Clock {
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
declare interface CommonOptions extends EngineOptions {
    /** The sender of requests. Default: `globalThis.fetch`, looked up at each call. */
    readonly fetch?: Fetch | undefined;
}

/**
 * Makes an adapter: `axios.create({ adapter: createAdapter(axios, policy) })`.
 *
 * @param axios - axios itself, as imported; the adapter's errors are instances of its classes.
 * @param policy - the policy, or a bare URL for the defaults.
 * @throws PolicyError naming every place that is wrong.
 */
export declare function createAdapter<A extends Axios, const P extends Policy>(axios: A, policy: (P & Exact<P, Policy>) | string, options?: AdapterOptions): Adapter<A>;

/** The controls of a drop-in. */
declare interface DropIn {
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
declare type Duration = string | number;

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
declare type EventKind = (typeof EVENT_KINDS)[number];

/**
 * `T` with every key that `Shape` does not know turned into an error. TypeScript checks excess keys of literals only;
 * an imported JSON file is none.
 */
declare type Exact<T, Shape> = T extends readonly (infer Item)[] ? readonly Exact<Item, Items<Shape>>[] : T extends object ? {
    readonly [Key in keyof T]: Key extends keyof Objects<Shape> ? Exact<T[Key], Objects<Shape>[Key]> : never;
} : T;

/** A fetch of the platform's kind. */
declare type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Headers that report what is left of a limit. */
declare interface Gauge {
    readonly note?: Maybe<string>;
    readonly remaining?: Maybe<string>;
    readonly limit?: Maybe<string>;
    readonly reset?: Maybe<string>;
    readonly unit?: Maybe<Open<"auto" | "ms">>;
}

/** Automatic idempotency keys. */
declare interface Idempotency {
    readonly note?: Maybe<string>;
    readonly header?: Maybe<string>;
    readonly methods?: Maybe<readonly string[]>;
    readonly format?: Maybe<Open<"uuid" | "sf-string">>;
}

declare type Items<Shape> = Extract<Shape, readonly unknown[]> extends readonly (infer Item)[] ? Item : never;

/** One documented or learned rate limit. */
declare interface Limit {
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
declare type Listener = (event: ClientEvent) => void;

/** The receiver of log lines; `console` is one. */
declare interface Log {
    debug(line: string): void;
    info(line: string): void;
    warn(line: string): void;
}

declare type Maybe<T> = T | null | undefined;

declare type Objects<Shape> = Exclude<Extract<Shape, object>, readonly unknown[]>;

declare type Open<T extends string> = T | (string & Record<never, never>);

/** One policy file. Every key is optional. */
declare interface Policy {
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

/** Why a call ended without a delivered answer. */
declare type Reason = (typeof REASONS)[number];

/** Why a call ended without a delivered answer; the index is the code. */
declare const REASONS: readonly ["status", "retries-exhausted", "deadline", "circuit-open", "rate-limited", "budget-exhausted", "overloaded", "not-replayable", "network", "timeout", "offline", "auth", "pagination", "closed", "misuse"];

/** Retries and backoff. */
declare interface Retry {
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
declare interface RoutePolicy {
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
declare interface Rule {
    readonly note?: Maybe<string>;
    readonly status?: Maybe<number | readonly number[]>;
    readonly header?: Maybe<string>;
    readonly json?: Maybe<string>;
    readonly is?: Maybe<readonly (string | number | boolean)[]>;
    readonly as?: Maybe<Open<"fail" | "retry" | "rate-limited">>;
}

/** Bytes, or `"64KiB" "8MiB"`. */
declare type Size = string | number;

/** The state of a client: counts since it was made, and each upstream by origin. */
declare interface Snapshot {
    readonly begun: number;
    readonly attempts: number;
    readonly inFlight: number;
    readonly live: number;
    readonly waiting: number;
    readonly upstreams: readonly Upstream[];
}

/** Time limits. */
declare interface Timeouts {
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

/** One origin's breakers, retry budget and limits. */
declare interface Upstream {
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

/** The API's version, pinned. */
declare interface Version {
    readonly note?: Maybe<string>;
    readonly pin?: Maybe<string>;
    readonly header?: Maybe<string>;
    readonly query?: Maybe<string>;
}

export { }
