// Who retries above us: a retrying SDK says so in a header, another unruffled leaves a mark. Two loops on top of each
// other multiply attempts, so the lower one makes a single one.

import { entries, type HeaderSource } from "./headers.js";

/** Set on the `init` of every attempt that this package makes. */
export const NESTED = Symbol.for("unruffled.nested");

/**
 * Whether one of our attempts is being handed to the platform in this moment. `fetch` dispatches in the tick of its call, so a
 * dispatcher knows by this that somebody above it retries.
 */
export const sending = { now: false };

/** Headers in which SDKs count; 0 proves nothing, since they may be told not to retry. */
const COUNTS: ReadonlySet<string> = new Set([
  "x-stainless-retry-count",
  "x-retry-count",
  "x-retry-attempt",
  "retry-attempt",
]);
/** AWS: `attempt=2; max=3`, counted from 1. */
const AMAZON = "amz-sdk-request";

/** Whether someone above has begun to retry, or is another unruffled. */
export function isStacked(headers: HeaderSource | undefined, init: object | undefined): boolean {
  if (init !== undefined && (init as Record<symbol, unknown>)[NESTED] === true) return true;
  if (headers === undefined) return false;
  if (headers instanceof Headers) return [...COUNTS, AMAZON].some((name) => tells(name, headers.get(name) ?? ""));
  for (const [name, value] of entries(headers)) if (tells(name.toLowerCase(), value)) return true;
  return false;
}

function tells(name: string, value: unknown): boolean {
  if (name === AMAZON) return Number(String(value).split(";")[0]?.split("=")[1] ?? 0) >= 2;
  return COUNTS.has(name) && Number(value) >= 1;
}
