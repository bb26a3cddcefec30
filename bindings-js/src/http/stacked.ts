// Finds a caller above that retries: a retrying SDK sets a header, another unruffled sets a mark. Two retry loops
// multiply attempts, so the lower one makes a single attempt.

import { retryCounts, retryLengths } from "../core/lists.js";
import { NESTED } from "../driver/nested.js";
import type { HeaderSource } from "./headers.js";

/** Reports whether a caller above has begun to retry, or is another unruffled. Takes headers in any form. */
export function isStacked(headers: HeaderSource | undefined, init: object | undefined): boolean {
  if (init !== undefined && (init as Record<symbol, unknown>)[NESTED] === true) return true;
  if (headers === undefined) return false;
  if (headers instanceof Headers) {
    for (const name of retryCounts.keys()) if (counts(name, headers.get(name))) return true;
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
  // Most names differ in length from all of the list.
  if (!retryLengths.has(written.length)) return false;
  const least = retryCounts.get(written.toLowerCase());
  return least !== undefined && Number(/\d+/.exec(String(value ?? ""))?.[0] ?? 0) >= least;
}
