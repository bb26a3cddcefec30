// Who retries above us: a retrying SDK says so in a header, another unruffled leaves a mark. Two loops on top of each
// other multiply attempts, so the lower one makes a single one.

import { type HeaderSource, valueIn } from "./headers.js";

/** Set on the `init` of every attempt that this package makes. */
export const NESTED = Symbol.for("unruffled.nested");

/** Headers in which SDKs count; 0 proves nothing, since they may be told not to retry. */
const COUNTS = ["x-stainless-retry-count", "x-retry-count", "x-retry-attempt", "retry-attempt"];

/** Whether someone above has begun to retry, or is another unruffled. */
export function isStacked(headers: HeaderSource | undefined, init: object | undefined): boolean {
  if (init !== undefined && (init as Record<symbol, unknown>)[NESTED] === true) return true;
  if (headers === undefined) return false;
  if (COUNTS.some((name) => Number(valueIn(headers, name) ?? 0) >= 1)) return true;
  // AWS: `attempt=2; max=3`, counted from 1.
  const amazon = valueIn(headers, "amz-sdk-request");
  return amazon !== null && Number(amazon.split(";")[0]?.split("=")[1] ?? 0) >= 2;
}
