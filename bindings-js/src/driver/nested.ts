// The two marks of an attempt of this package, by which another copy below it knows that it does not retry alone.

/** Set on the `init` of every attempt that this package makes. */
export const NESTED = Symbol.for("unruffled.nested");

/**
 * Whether one of our attempts is being handed to the platform in this moment. `fetch` dispatches in the tick of its call, so a
 * dispatcher knows by this that somebody above it retries.
 */
export const sending = { now: false };
