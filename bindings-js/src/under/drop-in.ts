// The controls of every drop-in: events, counts, records, closing.

import { streamType } from "../core/lists.js";
import type { Snapshot } from "../core/settings.js";
import type { HeaderLookup } from "../core/watched.js";
import type { Engine } from "../driver/engine.js";
import type { EventKind, Listener } from "../driver/events.js";
import { explain } from "../driver/record.js";

/** The controls of a drop-in. */
export interface DropIn {
  /**
   * Explains why a call took as long as it did: a short table, for a response or an error that came through the
   * drop-in.
   */
  explain(ended: object): string;
  /** Calls `listener` with events of `kinds`, else with all. The returned function unsubscribes. */
  on(listener: Listener, kinds?: EventKind | readonly EventKind[]): () => void;
  /** Returns counts of calls, attempts and waits, and the state of breakers and limits. */
  snapshot(): Snapshot;
  /** Closes the drop-in: waits end, new calls fail. */
  close(): void;
}

/** Makes the controls of one engine. */
export function controls(engine: Engine): DropIn {
  return {
    explain,
    on: (listener, kinds) => engine.events.listen(listener, kinds),
    snapshot: () => engine.snapshot(),
    close: () => engine.close(),
  };
}

/** Reports whether to stream this body: an event stream, or one whose declared length is above `maxBody`. */
export function isStream(headers: HeaderLookup, maxBody: number): boolean {
  return isStreamType(headers.get("content-type") ?? "") || Number(headers.get("content-length")) > maxBody;
}

function isStreamType(type: string): boolean {
  // The first letter decides for most types, so that no text is made.
  if ((type.charCodeAt(0) | 32) !== streamType.charCodeAt(0)) return false;
  return type.slice(0, streamType.length).toLowerCase() === streamType;
}
