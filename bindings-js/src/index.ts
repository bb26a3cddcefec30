// The public API of unruffled, by name: retries, backoff, breaker, rate limits and deadlines for fetch.

export { type CallOptions, type Client, type ClientOptions, createClient } from "./client/client.js";
export type { Answer } from "./client/response-promise.js";
export type { PathValue, Value, Values } from "./client/url.js";
export type { Outcome, Reason } from "./core/codes.js";
export { CallError, PolicyError, StatusError } from "./core/errors.js";
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
} from "./core/policy.js";
export type { Issue, Report, ReportEntry, Snapshot, Upstream } from "./core/settings.js";
export type { Clock } from "./driver/clock.js";
export type { Credentials, Need, Token } from "./driver/credentials.js";
export type { ClientEvent, EventKind, Listener, Log } from "./driver/events.js";
export { explain } from "./driver/record.js";
export type { CommonOptions, Fetch } from "./http/sender.js";
export type { DropIn } from "./under/drop-in.js";
export { createFetch, type FetchOptions, type ResilientFetch } from "./under/fetch.js";
