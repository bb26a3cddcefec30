// The shapes of the core's JSON about the policy and about calls. No defaults live here.

import type { Outcome, Reason } from "./codes.js";

/** What is wrong with one place of a policy. */
export interface Issue {
  /** The place, as `limits[1].per`; empty for the whole text. */
  readonly path: string;
  /** `path: found; allowed`. */
  readonly text: string;
  /** Counted from 1, in the text that the core read. */
  readonly line: number;
  readonly column: number;
}

/** A header that the client adds under `name`; `written` = the policy says so itself. */
export interface Named {
  readonly name: string;
  readonly written: boolean;
}

/** The settings of one route. */
export interface RouteSettings {
  readonly pattern: string;
  /** Limits in ms; 0 = none. */
  readonly attempt: number;
  readonly total: number;
  readonly totalWritten: boolean;
  readonly idle: number;
  /** Whether the policy's own text gives `idle`: drop-ins take no other. */
  readonly idleWritten?: boolean;
  readonly maxBody: number;
  /** The most bytes that a host may hold in memory to make a body whole. */
  readonly bufferUpTo: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly userAgent: { readonly value: string; readonly written: boolean } | null;
  readonly requestId: Named | null;
  readonly correlationId: Named | null;
  readonly version: { readonly pin: string; readonly header: string | null; readonly query: string | null } | null;
  readonly idempotency: { readonly header: string; readonly format: "uuid" | "sf-string" };
  readonly bodyStatuses: readonly number[];
}

/** The resolved settings of a policy. */
export interface Settings {
  readonly name: string;
  readonly baseUrl: string | { readonly env: string } | null;
  /** `routes[0]` is for everything that no pattern names; {@link routeOf} picks. */
  readonly routes: readonly RouteSettings[];
  /** Lower-case header names worth looking for below 400. */
  readonly watchSuccess: readonly string[];
  /** And from 400 on. */
  readonly watchError: readonly string[];
  /** Headers with a caller's retry count, and the least number that proves a retry: the first digits of the value. */
  readonly retryCounts: Readonly<Record<string, number>>;
  /** Headers that a redirect must not carry to another origin. */
  readonly secretHeaders: readonly string[];
  /** The start of the Content-Type of bodies that are always streamed. */
  readonly streamType: string;
  readonly warnings: readonly Issue[];
}

/** Returns the route of a target: its index in {@link Settings.routes}. The upper 16 bits are the endpoint's number. */
export const routeOf = (target: number): number => target & 0xffff;

/** The record of one call: what happened, in which order, and which rule asked for each wait. */
export interface Report {
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

/** One line of a report. */
export interface ReportEntry {
  /** Milliseconds since the call began. */
  readonly at: number;
  readonly what: string;
  readonly value: number | string | null;
  readonly rule: string | null;
  /** Whose rate limit it waited for. */
  readonly of?: "limit" | "endpoint" | "api";
}

/** The state of a client: counts since it was made, and each upstream by origin. */
export interface Snapshot {
  readonly begun: number;
  readonly attempts: number;
  readonly inFlight: number;
  readonly live: number;
  readonly waiting: number;
  readonly upstreams: readonly Upstream[];
}

/** One origin's breakers, retry budget and limits. */
export interface Upstream {
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
