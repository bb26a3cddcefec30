// Finds a caller above that retries: a retrying SDK sets a header, another unruffled sets a mark. Two retry loops
// multiply attempts, so the lower one makes a single attempt.

import { NESTED } from "../driver/nested.js";
import type { HeaderSource } from "./headers.js";

/** Headers with an SDK's retry count; 0 proves nothing, since its retries may be off. */
const COUNTS = ["x-stainless-retry-count", "x-retry-count", "x-retry-attempt", "retry-attempt"];
/** AWS: `attempt=2; max=3`, counted from 1. */
const AMAZON = "amz-sdk-request";
const NAMES: ReadonlySet<string> = new Set([...COUNTS, AMAZON]);
/** Lengths are compared first. */
const LENGTHS: ReadonlySet<number> = new Set([...NAMES].map((name) => name.length));

/** Reports whether a caller above has begun to retry, or is another unruffled. Takes headers in any form. */
export function isStacked(headers: HeaderSource | undefined, init: object | undefined): boolean {
  if (init !== undefined && (init as Record<symbol, unknown>)[NESTED] === true) return true;
  if (headers === undefined) return false;
  if (headers instanceof Headers) {
    for (const name of NAMES) if (counts(name, headers.get(name))) return true;
    return false;
  }
  if (Symbol.iterator in headers) {
    for (const [name, value] of headers as Iterable<readonly [string, string]>) if (counts(name, value)) return true;
    return false;
  }
  return isCounted(headers);
}

/** Reports the same of a plain object of headers. */
export function isCounted(lines: object): boolean {
  for (const name of Object.keys(lines)) if (counts(name, (lines as Record<string, unknown>)[name])) return true;
  return false;
}

function counts(written: string, value: unknown): boolean {
  if (!LENGTHS.has(written.length)) return false;
  const name = written.toLowerCase();
  if (!NAMES.has(name)) return false;
  if (name === AMAZON) return Number(String(value).split(";")[0]?.split("=")[1] ?? 0) >= 2;
  return Number(value) >= 1;
}
