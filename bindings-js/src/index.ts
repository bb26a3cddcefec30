// unruffled: retries, backoff, breaker, rate limits and deadlines for fetch. Everything public, by name.

export type { Answer } from "./answer.js";
export type { Credentials, Need, Token } from "./auth.js";
export { type CallOptions, type Client, type ClientOptions, createClient } from "./client.js";
export type { Clock } from "./clock.js";
export type { DropIn } from "./dropin.js";
export { CallError, PolicyError, StatusError } from "./errors.js";
export { createFetch, type FetchOptions, type ResilientFetch } from "./fetch.js";
export type { ClientEvent, EventKind, Listener, Log } from "./observe.js";
export type { CommonOptions, Fetch } from "./open.js";
export type {
  Breaker,
  Budget,
  ClientBreaker,
  ClientRetry,
  Duration,
  Gauge,
  Idempotency,
  Limit,
  Policy,
  Retry,
  RoutePolicy,
  Rule,
  Size,
  Timeouts,
  Version,
} from "./policy.js";
export { explain } from "./response.js";
export type { Issue, Report, ReportEntry, Snapshot, Upstream } from "./settings.js";
export type { PathValue, Value, Values } from "./url.js";
export type { Outcome, Reason } from "./word.js";
