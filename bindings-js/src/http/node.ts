// What browsers have not: a look beneath Node's `fetch`, its decoders, redirects that are followed here. The entries that may
// run elsewhere register it, so that a browser's bundle does not carry it.

import type { Dispatcher, Seen } from "./dispatcher.js";
import type { Redirects } from "./redirects.js";
import type { Fetch } from "./sender.js";

/** The parts of guarded.ts and coded.ts that are used above them. */
export interface OnNode {
  guardedDispatcher(given: Dispatcher | undefined, seen?: Seen): Dispatcher | undefined;
  linesOf(seen: Seen): object;
  codingOf(header: string | null | undefined, more?: Readonly<Record<string, string>>): string | null;
  /** More codings, for `codingOf`. */
  readonly OF_AXIOS: Readonly<Record<string, string>>;
  decode(name: string, bytes: Uint8Array, most: number): Promise<Uint8Array>;
  decoding(name: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void>;
  isCut(error: unknown): boolean;
  /** What is said of a body that was cut. */
  readonly CUT: string;
}

/** null = this is no entry for Node. */
export let node: OnNode | null = null;

/** An entry that may run in Node brings it. */
export function registerNode(parts: OnNode): void {
  node = parts;
}

/** null = an entry for browsers, which do not show where redirects lead. */
export let redirects: ((secret: boolean) => Redirects) | null = null;

/** An entry that runs elsewhere brings it. */
export function registerRedirects(make: (secret: boolean) => Redirects): void {
  redirects = make;
}

/** An `init` of Node's fetch. */
export type Guarded = RequestInit & { dispatcher?: Dispatcher | undefined };

/**
 * Lets Node's own fetch see where a compressed body ends. `watched`: what is seen beneath is noted, and given back.
 */
export function guard(fetch: Fetch, init: Guarded, watched: boolean): Seen | null {
  if (node === null || fetch !== globalThis.fetch) return null;
  const seen = watched ? { hops: 0, origin: "", status: 0, raw: [] } : undefined;
  const dispatcher = node.guardedDispatcher(init.dispatcher, seen);
  if (dispatcher === undefined) return null;
  init.dispatcher = dispatcher;
  return seen ?? null;
}
