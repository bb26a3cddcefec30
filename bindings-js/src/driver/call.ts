// One logical call: the prepared call of a client or drop-in, and its state on the way.

import type { CallError, Failure } from "../core/errors.js";
import type { RouteSettings } from "../core/settings.js";
import type { HeaderLookup } from "../core/watched.js";
import type { Attempt } from "./attempt.js";
import { type BodyReader, type BodySource, ignore, NOTHING, readPrefix } from "./body.js";
import type { Credential } from "./credentials.js";
import type { CallRecord } from "./record.js";
import type { AbortListener, AbortSignalLike } from "./signals.js";

/** An answer as the driver sees it. The platform's Response is one; other hosts bring their own. */
export interface Reply {
  readonly status: number;
  /** The type as in a Response, where its status is hidden. */
  readonly type?: string;
  /** The platform has followed a redirect to `url`, whose answer this is. */
  readonly redirected?: boolean;
  readonly url?: string;
  readonly headers: HeaderLookup;
  readonly body: BodySource | null;
  readonly bodyUsed: boolean;
  /** The whole body is here. */
  readonly whole?: boolean;
  /** Returns the same body again, to read its start. */
  clone(): { readonly body: BodySource | null };
}

/** An error that a source threw. */
export interface Thrown {
  readonly error: unknown;
}

/** One logical call, prepared by its client or drop-in. */
export interface PreparedCall<A extends Reply = Response> {
  /** Method, flags and size, as `begin` takes them. */
  readonly flags: number;
  /** Route and endpoint, as `begin` takes them. */
  readonly target: number;
  readonly scope: number;
  /** Milliseconds from begin, in place of the policy's total; 0 = the policy's. */
  readonly deadline: number;
  readonly signal: AbortSignalLike | null;
  readonly settings: RouteSettings;
  /** Limit in ms between two pieces of a streamed body; 0 = none. */
  readonly idle: number;
  /** The body is read before the call counts as answered. */
  readonly buffered: boolean;
  readonly dropin: boolean;
  /** A status from 400 on is an error. */
  readonly raise: boolean;
  readonly credential: Credential | null;
  /** Method and path template, for texts. */
  readonly label: string;
  /** Sends the request of one attempt. */
  send(signal: AbortSignalLike | null, key: string | null, token: string | null): Promise<A>;
  /** Reports whether an answer below 400 is streamed although bodies are buffered. */
  streams?(answer: A): boolean;
  /** The request must not be sent twice, and an idle pooled connection may carry it. */
  readonly pooled?: boolean;
  /** The error of the request body's own source, which is the caller's error in place of the platform's. */
  readonly thrown?: Thrown | null;
  /** Returns the fault code of an error of `send`. */
  faultOf(error: unknown): number | Promise<number>;
  /** Returns the answer as the caller gets it. `bytes`: the buffered body, if any; else `attempt` can stop the rest. */
  deliver(answer: A, bytes: Uint8Array<ArrayBuffer> | null, attempt: Attempt | null, remember: CallRecord): A;
  /** Makes the error of a call that raises, from its last answer and the first bytes of the body. */
  statusError?(answer: A, bytes: Uint8Array<ArrayBuffer>, ending: StatusEnding): unknown;
  /** Returns the caller's error where there is neither an answer nor an error of the platform. */
  refusal(error: CallError): unknown;
  /** Called before the call begins: its flags are fixed now. */
  onBegin?(): void;
  /** Called when the call ends without an answer: the request's body will not be read. */
  release?(): void;
  /** Called at every end of the call. */
  onEnd?(): void;
}

/** The end of a call that has an answer and failed. */
export interface StatusEnding {
  readonly failure: Failure;
  readonly record: CallRecord;
  /** The status may be the echo of an earlier attempt that did its work. */
  readonly maybeApplied: boolean;
}

/** Most bytes of a discarded answer's body that are retained. */
const RETAINED = 65536;

/** A running call. */
export class Call<A extends Reply = Response> implements AbortListener {
  readonly id: number;
  readonly prepared: PreparedCall<A>;
  /** Engine time of begin, and of the last call into the core. */
  readonly begun: number;
  at: number;
  /** The core has ended this call. */
  over = false;
  attempt: Attempt | null = null;
  /** The last answer; its body may still be unread. */
  response: A | null = null;
  /** The part of its body that was read. */
  bytes: Uint8Array<ArrayBuffer> | null = null;
  /** The platform's last error, unchanged. */
  error: unknown;
  /** The error is the caller's own and is rethrown unchanged. */
  own = false;
  key: string | null = null;
  /** A plain credential that this call itself fetched, for its next attempt only. */
  token: string | null = null;
  wake: (() => void) | null = null;
  /** The reader of a part of the last answer's body. */
  reader: BodyReader | null = null;

  constructor(id: number, prepared: PreparedCall<A>, begun: number) {
    this.id = id;
    this.prepared = prepared;
    this.begun = begun;
    this.at = begun;
  }

  onAbort(): void {
    this.wake?.();
  }

  /** Reads at most 64 KiB of an answer that will not be delivered, and discards the rest. */
  async retainBody(response: A): Promise<void> {
    if (this.bytes === null && response.body !== null && !response.bodyUsed) {
      this.bytes = await readPrefix(response.body, RETAINED, this);
    }
    this.bytes ??= NOTHING;
    this.attempt?.end();
  }

  /** Stops the request, or discards the rest of its answer's body. */
  discard(): void {
    if (this.attempt !== null) this.attempt.cancel();
    else void (this.reader ?? this.response?.body)?.cancel?.().catch(ignore);
  }
}
