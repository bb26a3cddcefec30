// Parts that browsers lack: the dispatcher below Node's `fetch`, Node's decoders, and own redirects. Entries that may
// run elsewhere register them, so that a browser's bundle does not carry them.

import type { Dispatcher, Seen } from "./dispatcher.js";
import type { Redirects } from "./redirects.js";
import type { Fetch } from "./sender.js";

/** The parts of dispatcher.ts and compressed.ts that other files use. */
export interface OnNode {
  guardedDispatcher(given: Dispatcher | undefined, seen?: Seen): Dispatcher | undefined;
  linesOf(seen: Seen): object;
  codingOf(header: string | null | undefined, more?: Readonly<Record<string, string>>): string | null;
  /** More codings, for `codingOf`. */
  readonly OF_AXIOS: Readonly<Record<string, string>>;
  decode(name: string, bytes: Uint8Array, most: number): Promise<Uint8Array>;
  decoding(name: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void>;
  isCut(error: unknown): boolean;
  /** The message for a truncated body. */
  readonly CUT: string;
}

/** Node's parts; null in an entry that is not for Node. */
export let node: OnNode | null = null;

/** Registers Node's parts. */
export function registerNode(parts: OnNode): void {
  node = parts;
}

/** Own redirects; null in an entry for browsers, which do not show where redirects lead. */
export let redirects: ((secret: boolean) => Redirects) | null = null;

/** Registers own redirects. */
export function registerRedirects(make: (secret: boolean) => Redirects): void {
  redirects = make;
}

/** An `init` of Node's fetch. */
export type Guarded = RequestInit & { dispatcher?: Dispatcher | undefined };

/** Puts the dispatcher that checks compressed bodies below Node's own fetch. `watched`: returns its observations. */
export function guard(fetch: Fetch, init: Guarded, watched: boolean): Seen | null {
  if (node === null || fetch !== globalThis.fetch) return null;
  const seen = watched ? { hops: 0, origin: "", status: 0, raw: [] } : undefined;
  const dispatcher = node.guardedDispatcher(init.dispatcher, seen);
  if (dispatcher === undefined) return null;
  init.dispatcher = dispatcher;
  return seen ?? null;
}
