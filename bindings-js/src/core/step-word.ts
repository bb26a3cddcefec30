// Reads a step word, the integer form of the core's steps: flags and kind below, the argument above. It passes on the
// generated codes of codes.ts.

import {
  DELIVER,
  FAIL,
  FLAG_NAMES,
  METHODS,
  MISUSE,
  MISUSE_DEAD,
  MISUSE_LIVE,
  MISUSE_RANGE,
  MISUSES,
  NEED_EXPIRED,
  NEED_REFUSED,
  OTHER_METHOD,
  OUTCOMES,
  PARK,
  REASONS,
  REFRESH,
  REFRESH_FLAG_NAMES,
  SEND,
  SEND_FLAG_NAMES,
  WAIT,
} from "./codes.js";

export * from "./codes.js";

/** `retryAfterMs` of a failure without a time. */
export const NO_TIME = 0xffffffff;

/** The factor of a cause: the code of {@link CAUSES}, times this, is added to the fault. */
export const CAUSE = 256;

const misuse = (code: number): number => code * 4096 + MISUSE;

/** The call id is in use: the driver takes the next. */
export const LIVE_WORD = misuse(MISUSE_LIVE);
/** The engine trapped and answers nothing else. */
export const DEAD_WORD = misuse(MISUSE_DEAD);
/** An argument outside its range. */
export const RANGE_WORD = misuse(MISUSE_RANGE);

/** Returns the low 12 bits: flags and kind. */
export const low = (word: number): number => word % 4096;

/** Returns the upper 40 bits: the argument. */
export const arg = (word: number): number => (word - (word % 4096)) / 4096;

/** Returns why a Refresh needs a token. */
export const whyOf = (word: number): "first" | "expired" | "refused" =>
  low(word) & NEED_REFUSED ? "refused" : low(word) & NEED_EXPIRED ? "expired" : "first";

const CODES: ReadonlyMap<string, number> = new Map(METHODS.map((name, code) => [name, code]));

/** Returns the code of a method in upper case. */
export const methodCode = (method: string): number => CODES.get(method) ?? OTHER_METHOD;

/** Returns the upload size in pieces of 64 KiB, as the upper 16 bits of the flags. */
export const sizeBits = (bytes: number): number => Math.min(65535, Math.ceil(bytes / 65536)) * 65536;

/** Writes a word as vectors do: `Send 10000 KEY`, `Fail deadline unknown 1200`, `Misuse live`. */
export function text(word: number): string {
  const kind = word & 15;
  const value = arg(word);
  const names = kind === REFRESH ? REFRESH_FLAG_NAMES : kind === SEND ? SEND_FLAG_NAMES : FLAG_NAMES;
  const flags = names.filter((_, bit) => low(word) & (16 << bit));
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
