// Generated from tests/codes.json by codes.mjs: the codes that all languages share. step-word.ts reads them.

/** Kinds of step, the low four bits of a word. */
export const SEND = 0;
export const WAIT = 1;
export const PARK = 2;
export const REFRESH = 3;
export const DELIVER = 4;
export const FAIL = 5;
export const MISUSE = 6;
export const DONE = 7;

/** Flags of a word, at their bits in it. */
export const WAKES = 16;
export const EVENTS = 32;
export const KEY = 64;
export const TOKEN = 128;
export const REPORT = 256;
export const FRESH = 512;
export const APPLIED = 1024;
export const RESPONSE = 2048;

/** Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed. Neither: there was none before. */
export const NEED_EXPIRED = 512;
export const NEED_REFUSED = 1024;

/** A flag of a Send, at the bit of APPLIED: the token ends soon. */
export const RENEW = 1024;

/** Names of the flags in bit order, as vectors write them. */
export const FLAG_NAMES = ["WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "APPLIED", "RESPONSE"] as const;
/** Names of the flags of a Refresh. */
export const REFRESH_FLAG_NAMES = [
  "WAKES",
  "EVENTS",
  "KEY",
  "TOKEN",
  "REPORT",
  "EXPIRED",
  "REFUSED",
  "RESPONSE",
] as const;
/** Names of the flags of a Send. */
export const SEND_FLAG_NAMES = ["WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "RENEW", "RESPONSE"] as const;

/** How an attempt broke without an answer; the index is the code. Codes with an empty name are free. */
export const FAULTS = [
  "lost",
  "timeout",
  "unsent",
  "connect-timeout",
  "offline",
  "truncated",
  "cancelled",
  "refused",
  "too-large",
  "rejected",
  "unchanged",
  "permanent",
] as const;
export const LOST = 0;
export const TIMEOUT = 1;
export const UNSENT = 2;
export const CONNECT_TIMEOUT = 3;
export const OFFLINE = 4;
export const TRUNCATED = 5;
export const CANCELLED = 6;
export const REFUSED = 7;
export const TOO_LARGE = 8;
export const REJECTED = 9;
export const UNCHANGED = 10;
export const PERMANENT = 11;

/** The platform's cause of a fault; the index is the code. */
export const CAUSES = [
  "none",
  "connection-refused",
  "no-such-name",
  "certificate",
  "no-tls",
  "protocol",
  "unreachable",
  "reset",
  "credential",
] as const;
export const CAUSE_NONE = 0;
export const CAUSE_CONNECTION_REFUSED = 1;
export const CAUSE_NO_SUCH_NAME = 2;
export const CAUSE_CERTIFICATE = 3;
export const CAUSE_NO_TLS = 4;
export const CAUSE_PROTOCOL = 5;
export const CAUSE_UNREACHABLE = 6;
export const CAUSE_RESET = 7;
export const CAUSE_CREDENTIAL = 8;

/** Added to the status of an answer after a redirect that the platform followed; the bits above are its scope. */
export const REDIRECTED = 32768;

/** Why a call ended without a delivered answer; the index is the code. */
export const REASONS = [
  "status",
  "retries-exhausted",
  "deadline",
  "circuit-open",
  "rate-limited",
  "budget-exhausted",
  "overloaded",
  "not-replayable",
  "network",
  "timeout",
  "offline",
  "auth",
  "pagination",
  "closed",
  "misuse",
] as const;

/** Why a call ended without a delivered answer. */
export type Reason = (typeof REASONS)[number];

/** What may have happened at the server, in the order of the codes. */
export const OUTCOMES = ["not-sent", "rejected", "unknown"] as const;

/** Whether the server may have acted ("Was the card charged?"), over all attempts. */
export type Outcome = (typeof OUTCOMES)[number];

/** Mistakes in the use of the core; the index is the code. */
export const MISUSES = ["none", "unknown", "live", "state", "dead", "generation", "range"] as const;
export const MISUSE_UNKNOWN = 1;
export const MISUSE_LIVE = 2;
export const MISUSE_STATE = 3;
export const MISUSE_DEAD = 4;
export const MISUSE_GENERATION = 5;
export const MISUSE_RANGE = 6;

/** Methods in the order of their codes; others have a code of their own. */
export const METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY", "POST", "PATCH"] as const;
export const OTHER_METHOD = 15;

/** Flags of a call, given to `begin` above the method's bits. */
export const REPEATABLE = 16;
export const KEYED = 32;
export const STREAMED = 64;
export const STACKED = 128;
export const DROPIN = 256;
export const CREDENTIALS = 512;
export const SLOT = 1024;

/** The flags of a call by the names that vectors use. */
export const CALL_FLAGS: Readonly<Record<string, number>> = {
  REPEATABLE,
  KEYED,
  STREAMED,
  STACKED,
  DROPIN,
  CREDENTIALS,
  SLOT,
};

/** Kinds of events in the order of their bits. */
export const EVENT_KINDS = ["attempt", "wait", "breaker", "limiter", "refresh", "call", "stacked", "warning"] as const;
