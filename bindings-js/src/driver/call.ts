// One logical call: what its client or drop-in prepared, where it stands, and the account that it leaves behind.

import type { CallError, Failure } from "../core/errors.js";
import type { RouteSettings } from "../core/settings.js";
import type { HeaderLookup } from "../core/watched.js";
import type { Attempt } from "./attempt.js";
import { type BodyReader, type BodySource, ignore, NOTHING, start } from "./body.js";
import type { Auth } from "./credentials.js";
import type { Account } from "./record.js";
import type { Abortable, Stop } from "./signals.js";

/** An answer as the driver sees it; the platform's Response is one, and hosts without it bring their own. */
export interface Reply {
  readonly status: number;
  /** As a Response says it, where its status is hidden. */
  readonly type?: string;
  /** The platform has followed a redirect to `url`, and this is the answer from there. */
  readonly redirected?: boolean;
  readonly url?: string;
  readonly headers: HeaderLookup;
  readonly body: BodySource | null;
  readonly bodyUsed: boolean;
  /** Nothing of the body is still to come. */
  readonly whole?: boolean;
  /** The same body once more, for a look at its start. */
  clone(): { readonly body: BodySource | null };
}

/** What a source threw. */
export interface Thrown {
  readonly error: unknown;
}

/** One logical call as its client or drop-in prepared it. */
export interface Job<A extends Reply = Response> {
  /** Method, flags and size, as `begin` takes them. */
  readonly what: number;
  /** Route and endpoint, as `begin` takes them. */
  readonly target: number;
  readonly scope: number;
  /** Milliseconds from begin, in place of the policy's total; 0 = the policy's. */
  readonly deadline: number;
  readonly signal: Stop | null;
  readonly settings: RouteSettings;
  /** Limit in ms between two pieces of a streamed body; 0 = none. */
  readonly idle: number;
  /** Read the body before the call counts as answered. */
  readonly buffered: boolean;
  readonly dropin: boolean;
  /** A status from 400 on is an error. */
  readonly raise: boolean;
  readonly auth: Auth | null;
  /** Method and path template, for texts. */
  readonly label: string;
  /** One attempt's request. */
  send(signal: Stop | null, key: string | null, token: string | null): Promise<A>;
  /** Whether an answer below 400 is handed on as it comes although bodies are read first. */
  streams?(answer: A): boolean;
  /** A kept connection of the platform's may carry it, and it must not be sent twice. */
  readonly pooled?: boolean;
  /** What the source of the request's body threw, where that and not the platform's error is the caller's. */
  readonly thrown?: Thrown | null;
  /** The fault code of what `send` rejected with. */
  faultOf(error: unknown): number | Promise<number>;
  /** The answer as the caller gets it. `bytes`: its body, if it was read already; else `attempt` can stop what is to come. */
  hand(answer: A, bytes: Uint8Array<ArrayBuffer> | null, attempt: Attempt | null, account: Account): A;
  /** The error of a call that raises, with its last answer and the first bytes of the body. */
  statusError?(answer: A, bytes: Uint8Array<ArrayBuffer>, ending: StatusEnding): unknown;
  /** What the caller gets where there is neither an answer nor an error of the platform's own. */
  refusal(error: CallError): unknown;
  /** The call is about to begin: what it asks for is fixed. */
  begins?(): void;
  /** The call ends without an answer: nobody reads the request's body any more. */
  release?(): void;
  /** The call is over, whichever way. */
  ended?(): void;
}

/** How a call ended that has an answer and failed all the same. */
export interface StatusEnding {
  readonly failure: Failure;
  readonly record: Account;
  /** The status may be the echo of an earlier attempt that did its work. */
  readonly maybeApplied: boolean;
}

/** Most bytes of a discarded answer's body that are retained. */
const RETAINED = 65536;

/** A call on its way. */
export class Call<A extends Reply = Response> implements Abortable {
  readonly id: number;
  readonly job: Job<A>;
  /** Engine time of begin, and of the last crossing. */
  readonly begun: number;
  at: number;
  /** The core knows nothing of this call any more. */
  over = false;
  attempt: Attempt | null = null;
  /** The last answer, its body still to come. */
  response: A | null = null;
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
  reader: BodyReader | null = null;

  constructor(id: number, job: Job<A>, begun: number) {
    this.id = id;
    this.job = job;
    this.begun = begun;
    this.at = begun;
  }

  stopped(): void {
    this.wake?.();
  }

  /** Reads at most 64 KiB of an answer that will not be delivered, and discards the rest. */
  async retainBody(response: A): Promise<void> {
    if (this.bytes === null && response.body !== null && !response.bodyUsed) {
      this.bytes = await start(response.body, RETAINED, this);
    }
    this.bytes ??= NOTHING;
    this.attempt?.end();
  }

  /** Stops the request, or what is left of its answer's body. */
  discard(): void {
    if (this.attempt !== null) this.attempt.drop();
    else void (this.reader ?? this.response?.body)?.cancel?.().catch(ignore);
  }
}
