// The two marks of this package's attempts. A copy of the package below sees by them that a caller above it retries.

/** The mark on the `init` of every attempt. */
export const NESTED = Symbol.for("unruffled.nested");

/**
 * Whether an attempt is being handed to the platform at this moment. `fetch` dispatches in the tick of its call, so a
 * dispatcher sees by this that a caller above it retries.
 */
export const sending = { now: false };
