// The caller's AbortSignals. Any number of calls share one listener per signal, and it goes when the last call leaves:
// a listener per call is a leak on a signal that lives as long as the program.

/** What ends a call early; an AbortSignal is one. */
export interface Stop {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(kind: "abort", listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(kind: "abort", listener: () => void): void;
}

/** A call that wants to know. Held until it leaves: it must not hold a Response. */
export interface Abortable {
  /** The caller's signal fired; its reason is on the signal. */
  stopped(signal: Stop): void;
}

interface Hub {
  readonly members: Set<Abortable>;
  readonly listener: () => void;
}

const hubs = new WeakMap<Stop, Hub>();

/** Tells `member` when `signal` fires. Joining twice is the same as once. */
export function join(signal: Stop, member: Abortable): void {
  let hub = hubs.get(signal);
  if (hub === undefined) {
    const members = new Set<Abortable>();
    const listener = (): void => {
      hubs.delete(signal);
      for (const each of members) each.stopped(signal);
    };
    hub = { members, listener };
    hubs.set(signal, hub);
    signal.addEventListener("abort", listener, { once: true });
  }
  hub.members.add(member);
}

/** Ends what `join` began. */
export function leave(signal: Stop, member: Abortable): void {
  const hub = hubs.get(signal);
  if (hub === undefined || !hub.members.delete(member) || hub.members.size > 0) return;
  hubs.delete(signal);
  signal.removeEventListener("abort", hub.listener);
}
