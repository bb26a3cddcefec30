// The integer form of the core's steps, and the stable codes around it. Tables only: the driver acts on them.

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
export const WAKES = 1 << 4;
export const EVENTS = 1 << 5;
export const KEY = 1 << 6;
export const TOKEN = 1 << 7;
export const REPORT = 1 << 8;
export const FRESH = 1 << 9;
export const APPLIED = 1 << 10;
export const RESPONSE = 1 << 11;

/** Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed. Neither: there was none before. */
export const NEED_EXPIRED = FRESH;
export const NEED_REFUSED = APPLIED;

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

/** `retryAfterMs` of a failure without a time. */
export const NO_TIME = 0xffffffff;

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
  "",
  "",
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
export const PERMANENT = 11;

/** The platform's cause of a fault; the index, times {@link CAUSE}, is added to the fault. */
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
export const CAUSE = 256;
export const PROTOCOL = 5;
export const CREDENTIAL = 8;

/**
 * Added to the status of an answer after a redirect that the platform followed; the bits above are the scope that
 * answered.
 */
export const REDIRECTED = 1 << 15;

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

const misuse = (code: number): number => code * 4096 + MISUSE;

/** The call id is in use: the driver takes the next. */
export const LIVE_WORD = misuse(2);
/** The engine trapped and answers nothing else. */
export const DEAD_WORD = misuse(4);
/** An argument outside its range. */
export const RANGE_WORD = misuse(6);

/** Returns the low 12 bits: flags and kind. */
export const low = (word: number): number => word % 4096;

/** Returns the upper 40 bits: the argument. */
export const arg = (word: number): number => (word - (word % 4096)) / 4096;

/** Returns why a Refresh needs a token. */
export const whyOf = (word: number): "first" | "expired" | "refused" =>
  low(word) & NEED_REFUSED ? "refused" : low(word) & NEED_EXPIRED ? "expired" : "first";

/** Method codes; others are 15. */
const METHODS: ReadonlyMap<string, number> = new Map(
  ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY", "POST", "PATCH"].map((name, code) => [name, code]),
);

/** Returns the code of a method in upper case. */
export const methodCode = (method: string): number => METHODS.get(method) ?? 15;

/** Flags of a call, given to `begin` above the method's bits. */
export const REPEATABLE = 1 << 4;
export const KEYED = 2 << 4;
export const STREAMED = 4 << 4;
export const STACKED = 8 << 4;
export const DROPIN = 16 << 4;
export const CREDENTIALS = 32 << 4;
export const SLOT = 64 << 4;

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

/** Returns the upload size in pieces of 64 KiB, as the upper 16 bits of the flags. */
export const sizeBits = (bytes: number): number => Math.min(65535, Math.ceil(bytes / 65536)) * 65536;

/** Writes a word as vectors do: `Send 10000 KEY`, `Fail deadline unknown 1200`, `Misuse live`. */
export function text(word: number): string {
  const kind = word & 15;
  const value = arg(word);
  const flags = (kind === REFRESH ? REFRESH_FLAG_NAMES : FLAG_NAMES).filter((_, bit) => low(word) & (16 << bit));
  return [head(kind, value), ...flags].join(" ");
}

function head(kind: number, value: number): string {
  switch (kind) {
    case SEND:
      return `Send ${value}`;
    case WAIT:
      return `Wait ${value}`;
    case PARK:
      return `Park ${value}`;
    case REFRESH:
      return `Refresh ${value}`;
    case DELIVER:
      return value === 0 ? "Deliver" : `Deliver ${OUTCOMES[value]}`;
    case FAIL: {
      const after = Math.floor(value / 256);
      const failure = `Fail ${REASONS[value & 63]} ${OUTCOMES[(value >> 6) & 3]}`;
      return after === NO_TIME ? failure : `${failure} ${after}`;
    }
    case MISUSE:
      return `Misuse ${MISUSES[value]}`;
    default:
      return `Done ${value}`;
  }
}
