// Adapts axios's CancelToken to an abort signal and back. It listens to the caller's token only while a request can be
// stopped.

import { ignore } from "../../driver/body.js";
import type { AbortSignalLike } from "../../driver/signals.js";

/** A token of axios that cancels once. */
export interface CancelToken {
  /** Set once the token was used. */
  readonly reason?: unknown;
  subscribe(listener: (reason: unknown) => void): void;
  unsubscribe(listener: (reason: unknown) => void): void;
}

/** Makes a token of a signal: axios's oldest adapters accept it, and it costs a fraction of a signal. */
export function tokenOf(stop: AbortSignalLike): CancelToken {
  return {
    // Without a reason: adapters make an error of their own.
    subscribe: (listener) => stop.addEventListener("abort", () => listener(undefined)),
    unsubscribe: () => stop.removeEventListener("abort", ignore),
  };
}

/** Joins the caller's signal and token into one signal. */
export function stopOf(
  signal: AbortSignalLike | null | undefined,
  token: CancelToken | undefined,
): AbortSignalLike | null {
  const own = typeof signal?.addEventListener === "function" ? signal : null;
  return token ? new Tokened(token, own) : own;
}

/** A token with a signal beside it, subscribed while there is a listener: both also stop the reader of a stream. */
class Tokened implements AbortSignalLike {
  readonly #token: CancelToken;
  readonly #signal: AbortSignalLike | null;
  #listener: (() => void) | null = null;

  constructor(token: CancelToken, signal: AbortSignalLike | null) {
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
