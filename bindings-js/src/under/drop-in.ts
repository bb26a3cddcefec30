// What every drop-in offers beside the client that it sits under: events, counts, reasons, an end.

import type { Snapshot } from "../core/settings.js";
import type { Reply } from "../driver/call.js";
import type { Driver } from "../driver/driver.js";
import type { EventKind, Listener } from "../driver/events.js";
import { explain } from "../http/response.js";

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

/** The controls of one driver. */
export function controls(driver: Driver): DropIn {
  return {
    explain,
    on: (listener, kinds) => driver.observers.listen(listener, kinds),
    snapshot: () => driver.snapshot(),
    close: () => driver.close(),
  };
}

/** Whether a body is no thing to wait for: events come when they come, and what is above `maxBody` is never held. */
export function isStream(headers: Reply["headers"], maxBody: number): boolean {
  const events = /^text\/event-stream/i.test(headers.get("content-type") ?? "");
  return events || Number(headers.get("content-length")) > maxBody;
}
