// A response and its clones read one body, so they share its attempt: its limit between two pieces and its abort. The
// attempt ends with the last of them.

import type { Attempt } from "../driver/attempt.js";
import type { ReadLimits } from "../driver/body.js";

/** What all shares of one attempt have in common. */
interface Common {
  readonly attempt: Attempt;
  /** The shares that have not ended. */
  shares: number;
  /** The shares that wait for a piece. */
  waiting: number;
}

/** One response's share in the attempt that brought it. It holds no Response. */
export class Share implements ReadLimits {
  readonly #common: Common;
  #waits = false;
  #ended = false;

  private constructor(common: Common) {
    this.#common = common;
  }

  /** Makes the share of the delivered response. */
  static first(attempt: Attempt): Share {
    return new Share({ attempt, shares: 1, waiting: 0 });
  }

  /** Makes the share of a clone. */
  another(): Share {
    this.#common.shares++;
    return new Share(this.#common);
  }

  /** Reports whether a caller may abort the attempt. */
  get abortable(): boolean {
    return this.#common.attempt.abortable;
  }

  get aborted(): boolean {
    return this.#common.attempt.aborted;
  }

  get reason(): unknown {
    return this.#common.attempt.reason;
  }

  /** Starts the limit for the next piece; 0 = the piece came. The limit ends with the last share that waits. */
  limit(ms: number): void {
    const common = this.#common;
    const waits = ms > 0;
    if (waits !== this.#waits) {
      this.#waits = waits;
      common.waiting += waits ? 1 : -1;
    }
    if (waits || common.waiting === 0) common.attempt.limit(ms);
  }

  /** Ends the share: its response was read, broke, was cancelled, or was collected. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.limit(0);
    if (--this.#common.shares === 0) this.#common.attempt.end();
  }
}
