// The caller's AbortSignals. All calls of a signal share one listener, which is removed with the last call: a listener
// per call is a leak on a signal that lives as long as the program.

/** A signal that ends a call early; an AbortSignal is one. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(kind: "abort", listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(kind: "abort", listener: () => void): void;
}

/** The target of an abort. It is referenced until it unsubscribes, so it must not hold a Response. */
export interface AbortListener {
  /** Handles the abort; the reason is on the signal. */
  onAbort(signal: AbortSignalLike): void;
}

interface Listeners {
  readonly targets: Set<AbortListener>;
  readonly listener: () => void;
}

const shared = new WeakMap<AbortSignalLike, Listeners>();

/** Calls `target` when `signal` fires. Subscribing twice is the same as once. */
export function subscribe(signal: AbortSignalLike, target: AbortListener): void {
  let listeners = shared.get(signal);
  if (listeners === undefined) {
    const targets = new Set<AbortListener>();
    const listener = (): void => {
      shared.delete(signal);
      for (const each of targets) each.onAbort(signal);
    };
    listeners = { targets, listener };
    shared.set(signal, listeners);
    signal.addEventListener("abort", listener, { once: true });
  }
  listeners.targets.add(target);
}

/** Ends a subscription. */
export function unsubscribe(signal: AbortSignalLike, target: AbortListener): void {
  const listeners = shared.get(signal);
  if (listeners === undefined || !listeners.targets.delete(target) || listeners.targets.size > 0) return;
  shared.delete(signal);
  signal.removeEventListener("abort", listeners.listener);
}
