// axios's older way to cancel, beside signals: what is one can be had as the other. Nobody listens to the caller's but
// while something can be stopped.

import { ignore } from "../../driver/body.js";
import type { Stop } from "../../driver/signals.js";

/** What may be used once to cancel. */
export interface CancelToken {
  /** Once it was used. */
  readonly reason?: unknown;
  subscribe(listener: (reason: unknown) => void): void;
  unsubscribe(listener: (reason: unknown) => void): void;
}

/** To axios's oldest adapters a token does what a signal does, and costs a fraction of it. */
export function tokenOf(stop: Stop): CancelToken {
  return {
    // Without a reason: they make an error of their own.
    subscribe: (listener) => stop.addEventListener("abort", () => listener(undefined)),
    unsubscribe: () => stop.removeEventListener("abort", ignore),
  };
}

/** The caller's signal, his token, or both as one. */
export function stopOf(signal: Stop | null | undefined, token: CancelToken | undefined): Stop | null {
  const own = typeof signal?.addEventListener === "function" ? signal : null;
  return token ? new Tokened(token, own) : own;
}

/** A token, and a signal beside it, heard for as long as somebody listens: a stream's reader is stopped by them too. */
class Tokened implements Stop {
  readonly #token: CancelToken;
  readonly #signal: Stop | null;
  #listener: (() => void) | null = null;

  constructor(token: CancelToken, signal: Stop | null) {
    this.#token = token;
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#token.reason !== undefined || this.#signal?.aborted === true;
  }

  get reason(): unknown {
    return this.#token.reason ?? this.#signal?.reason;
  }

  addEventListener(kind: "abort", listener: () => void): void {
    this.#listener = () => {
      this.removeEventListener(kind);
      listener();
    };
    this.#token.subscribe(this.#listener);
    this.#signal?.addEventListener(kind, this.#listener);
  }

  removeEventListener(kind: "abort"): void {
    if (this.#listener === null) return;
    this.#token.unsubscribe(this.#listener);
    this.#signal?.removeEventListener(kind, this.#listener);
    this.#listener = null;
  }
}
