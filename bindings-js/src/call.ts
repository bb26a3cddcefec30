// One logical call: what its client or drop-in prepared, where it stands, and the account that it leaves behind.

import { type Attempt, ignore } from "./attempt.js";
import type { Auth } from "./auth.js";
import { Core } from "./boundary.js";
import type { Abortable } from "./hub.js";
import type { Account } from "./response.js";
import type { RouteSettings } from "./settings.js";

/** One logical call as its client or drop-in prepared it. */
export interface Job {
  /** Method, flags and size, as `begin` takes them. */
  readonly what: number;
  readonly route: number;
  readonly scope: number;
  /** Milliseconds from begin, in place of the policy's total; 0 = the policy's. */
  readonly deadline: number;
  readonly signal: AbortSignal | null;
  readonly settings: RouteSettings;
  /** Limit in ms between two pieces of a streamed body; 0 = none. */
  readonly idle: number;
  /** Read the body before the call counts as answered. */
  readonly buffered: boolean;
  readonly dropin: boolean;
  /** A status from 400 on is an error. */
  readonly raise: boolean;
  readonly auth: Auth | null;
  readonly url: string;
  /** Method and path template, for texts. */
  readonly target: string;
  readonly unsafe: boolean;
  readonly follows: boolean;
  /** One attempt's request. */
  send(signal: AbortSignal | null, key: string | null, token: string | null): Promise<Response>;
  /** Whether building the request anew throws: then the caller's mistake, not the network, made it fail. */
  mistaken(): boolean;
  /** The call is about to begin: what it asks for is fixed. */
  begins?(): void;
  /** The call is over, whichever way. */
  ended?(): void;
}

/** A call on its way. */
export class Call implements Abortable {
  readonly id: number;
  readonly job: Job;
  /** Engine time of begin, and of the last crossing. */
  readonly begun: number;
  at: number;
  /** The core knows nothing of this call any more. */
  over = false;
  attempt: Attempt | null = null;
  /** The last answer, its body still to come. */
  response: Response | null = null;
  /** What was read of its body. */
  bytes: Uint8Array<ArrayBuffer> | null = null;
  /** The platform's last error, exactly as it was thrown. */
  error: unknown;
  /** The error is the caller's own: rethrown untouched. */
  own = false;
  key: string | null = null;
  /** A plain credential that this call itself asked for, for its next attempt only. */
  token: string | null = null;
  wake: (() => void) | null = null;
  /** Who reads a part of the last answer's body. */
  reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

  constructor(id: number, job: Job, begun: number) {
    this.id = id;
    this.job = job;
    this.begun = begun;
    this.at = begun;
  }

  aborted(): void {
    this.wake?.();
  }

  /** Stops the request, or what is left of its answer's body. */
  letGo(): void {
    if (this.attempt !== null) this.attempt.drop();
    else void (this.reader ?? this.response?.body)?.cancel().catch(ignore);
  }
}

/** The account of a delivered call; its report is pulled from the core at the first question. */
export class Told implements Account {
  readonly #core: Core;
  #id: number;
  readonly #status: number;
  readonly #elapsed: number;
  #text: string | undefined;

  constructor(core: Core, id: number, status: number, elapsed: number) {
    this.#core = core;
    this.#id = id;
    this.#status = status;
    this.#elapsed = elapsed;
  }

  text(): string {
    if (this.#text === undefined) {
      const kept = this.#id < 0 ? "" : this.#core.report(this.#id);
      this.#id = -1;
      const report = JSON.parse(kept || Core.brief(this.#status, this.#elapsed)) as { text: string };
      this.#text = report.text;
    }
    return this.#text;
  }
}
