// The errors that a caller catches, by who is to blame. PolicyError: the policy's author. CallError: the world, or with
// reason `misuse` the caller. StatusError: an answer. They match across the ESM and the CJS copy of this package.

import type { Outcome, Reason } from "./codes.js";
import type { Issue, Report } from "./settings.js";

const POLICY = Symbol.for("unruffled.PolicyError");
const CALL = Symbol.for("unruffled.CallError");
const STATUS = Symbol.for("unruffled.StatusError");

/** The policy is wrong: thrown when a client is made, never later. */
export class PolicyError extends Error {
  override readonly name: string = "PolicyError";
  /** Every place that is wrong, in the order of the policy (at most 20). */
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super(issues.map((issue) => issue.text).join("\n"));
    this.issues = issues;
    brand(this, POLICY);
  }
}

/** The parts of a {@link CallError}. */
export interface Failure {
  readonly reason: Reason;
  readonly outcome: Outcome;
  readonly report: Report;
  /** Method and path template, for the text. */
  readonly label: string;
  readonly wall: number;
  readonly cause?: unknown;
}

/** A call ended without an answer that counts. */
export class CallError extends Error {
  override readonly name: string = "CallError";
  /** Which rule ended the call; a stable word. */
  readonly reason: Reason;
  /** What the server may have done, over all attempts. */
  readonly outcome: Outcome;
  /** 1 + paid retries; 0 if nothing was sent. */
  readonly attempts: number;
  /** Milliseconds from begin to end. */
  readonly elapsed: number;
  /** The last status, if there was an answer. */
  readonly status: number | undefined;
  /** How the last attempt broke, if it did. */
  readonly fault: string | undefined;
  /** Milliseconds after which a new call makes sense, where known. */
  readonly retryAfterMs: number | undefined;
  /** The same by the wall clock. */
  readonly retryAt: Date | undefined;
  /** The call's record as plain values. */
  readonly report: Report;

  constructor(failure: Failure) {
    super(
      `${failure.label}: ${failure.report.message}`,
      failure.cause === undefined ? undefined : { cause: failure.cause },
    );
    const { report } = failure;
    this.reason = failure.reason;
    this.outcome = failure.outcome;
    this.attempts = report.attempts;
    this.elapsed = report.elapsed;
    this.status = report.status ?? undefined;
    this.fault = report.fault ?? undefined;
    this.retryAfterMs = report.retryAfterMs ?? undefined;
    this.retryAt = report.retryAfterMs === null ? undefined : new Date(failure.wall + report.retryAfterMs);
    this.report = report;
    brand(this, CALL);
  }

  /** Explains why the call took as long as it did: a short table of attempts, waits and their rules. */
  explain(): string {
    return this.report.text;
  }
}

/** The last answer had a status from 400 on. */
export class StatusError extends CallError {
  override readonly name: string = "StatusError";
  override readonly status: number;
  readonly headers: Headers;
  /** The answer; its body is held in memory, cut at 64 KiB. */
  readonly response: Response;
  /** The body as text, cut at 64 KiB. Never part of `message`. */
  readonly body: string;
  /** The status (404, 410, 412) may be the echo of an earlier attempt of this call that did its work. */
  readonly maybeApplied: boolean;

  constructor(failure: Failure, response: Response, body: string, maybeApplied = false) {
    super(failure);
    this.status = response.status;
    this.headers = response.headers;
    this.response = response;
    this.body = body;
    this.maybeApplied = maybeApplied;
    brand(this, STATUS);
  }
}

// `instanceof` of our own classes asks for the brand; of a user's subclass it asks for the prototype.
for (const [own, symbol] of [
  [PolicyError, POLICY] as const,
  [CallError, CALL] as const,
  [StatusError, STATUS] as const,
]) {
  Object.defineProperty(own, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== own) return Function.prototype[Symbol.hasInstance].call(this as object, value);
      return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[symbol] === true;
    },
  });
}

function brand(error: Error, symbol: symbol): void {
  Object.defineProperty(error, symbol, { value: true });
}

/** Writes message and advice as the core does, for an end that the core did not decide. */
export function said(
  what: string,
  reason: Reason,
  outcome: Outcome,
  advice: string,
): Pick<Report, "advice" | "message"> {
  return { advice, message: `${what} (${reason}, outcome ${outcome}). ${advice}` };
}

/** Makes the error of a request that cannot be sent. */
export function misuse(label: string, mistake: string): CallError {
  const [reason, outcome] = ["misuse", "not-sent"] as const;
  const end = said("nothing was sent", reason, outcome, mistake);
  const none = { status: null, fault: null, retryAfterMs: null, entries: [], dropped: 0 };
  const report = { attempts: 0, elapsed: 0, outcome, reason, ...none, ...end, text: end.message };
  return new CallError({ reason, outcome, report, label, wall: 0 });
}
