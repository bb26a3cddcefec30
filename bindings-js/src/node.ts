// What only Node has of it: a look beneath its `fetch`, and its decoders. The entries that may run there register it, so that
// a browser's bundle does not carry it.

import type { Dispatcher, Seen } from "./guarded.js";

/** The parts of guarded.ts and coded.ts that are used above them. */
export interface OnNode {
  guardedDispatcher(given: Dispatcher | undefined, seen?: Seen): Dispatcher | undefined;
  linesOf(seen: Seen): object;
  codingOf(header: string | null | undefined): string | null;
  decode(name: string, bytes: Uint8Array, most: number): Promise<Uint8Array>;
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
