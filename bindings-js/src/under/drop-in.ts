// What every drop-in offers beside the client that it sits under: events, counts, reasons, an end.

import type { Snapshot } from "../core/settings.js";
import type { HeaderLookup } from "../core/watched.js";
import type { Engine } from "../driver/engine.js";
import type { EventKind, Listener } from "../driver/events.js";
import { explain } from "../driver/record.js";

/** What can be asked of a drop-in. */
export interface DropIn {
  /** Why a call took as long as it did: a short table, for a response or an error that came through it. */
  explain(ended: object): string;
  /** Calls `listener` with events: of `kinds`, else with all. The answer ends it. */
  on(listener: Listener, kinds?: EventKind | readonly EventKind[]): () => void;
  /** Calls, attempts, waits, breakers and limits as they stand now. */
  snapshot(): Snapshot;
  /** Ends all waits; new calls fail. */
  close(): void;
}

/** The controls of one engine. */
export function controls(engine: Engine): DropIn {
  return {
    explain,
    on: (listener, kinds) => engine.events.listen(listener, kinds),
    snapshot: () => engine.snapshot(),
    close: () => engine.close(),
  };
}

/** Whether a body is no thing to wait for: events come when they come, and what is above `maxBody` is never held. */
export function isStream(headers: HeaderLookup, maxBody: number): boolean {
  const events = /^text\/event-stream/i.test(headers.get("content-type") ?? "");
  return events || Number(headers.get("content-length")) > maxBody;
}
