// Names that the core gives with the settings of every policy. They are equal in all engines: the first one registers
// them, so that they are prepared once.

import type { Settings } from "./settings.js";

/** Headers by which a caller above shows that it retries, in lower case, and the least number that proves it. */
export let retryCounts: ReadonlyMap<string, number> = new Map();
/** The lengths of those names. */
export let retryLengths: ReadonlySet<number> = new Set();
/** Headers that carry a secret, in lower case. */
export let secretHeaders: ReadonlySet<string> = new Set();
/** The media type whose bodies are always streamed, in lower case. */
export let streamType = "";

/** Registers the lists of an engine's settings. */
export function registerLists(settings: Settings): void {
  if (retryCounts.size > 0) return;
  retryCounts = new Map(Object.entries(settings.retryCounts));
  retryLengths = new Set([...retryCounts.keys()].map((name) => name.length));
  secretHeaders = new Set(settings.secretHeaders);
  streamType = settings.streamType;
}
