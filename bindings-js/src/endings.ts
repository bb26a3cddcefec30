// How a call ends that has no answer worth delivering: the core's reason becomes an error of the kind that the caller
// knows, a verb's CallError or what `fetch` itself would throw.

import { timedOut } from "./attempt.js";
import { Core } from "./boundary.js";
import type { Call } from "./call.js";
import type { Driver } from "./driver.js";
import { CallError, type Failure, StatusError } from "./errors.js";
import { account, decode, held, live } from "./response.js";
import type { Report } from "./settings.js";
import * as w from "./word.js";

const NOTHING = new Uint8Array(0);

/** Ends a call that the core failed: returns the last answer where the caller wants that, else throws. */
export async function failed(driver: Driver, call: Call, word: number): Promise<Response> {
  const { job } = call;
  const flags = w.low(word);
  const code = w.arg(word);
  const report = reportOf(driver, call, (flags & w.REPORT) !== 0);
  if (call.own) throw call.error;
  const told = { text: (): string => report.text };
  if (flags & w.RESPONSE && call.response !== null) {
    const { response, attempt } = call;
    if (job.dropin || !job.raise) {
      if (call.bytes !== null) return held(response, call.bytes, told);
      return live(response, attempt, job.idle, told);
    }
    await driver.keep(call, response);
    throw new StatusError(failure(driver, call, report, code), held(response, kept(call), told), decode(kept(call)));
  }
  const error = new CallError(failure(driver, call, report, code));
  if (!job.dropin) throw error;
  const last = call.error ?? platform(error);
  if (typeof last === "object" && last !== null) account(last, told);
  throw last;
}

/** The error of a delivered status from 400 on. */
export function statusError(driver: Driver, call: Call, word: number): StatusError {
  const flags = w.low(word);
  const report = { ...reportOf(driver, call, (flags & w.REPORT) !== 0), reason: "status" as const };
  const response = call.response as Response;
  const bytes = call.bytes ?? NOTHING;
  const of = { target: call.job.target, reason: report.reason, report, wall: driver.clock.wall() };
  const told = { text: (): string => report.text };
  const outcome = w.OUTCOMES[w.arg(word)] ?? "unknown";
  return new StatusError({ ...of, outcome }, held(response, bytes, told), decode(bytes), (flags & w.APPLIED) !== 0);
}

function kept(call: Call): Uint8Array<ArrayBuffer> {
  return call.bytes ?? NOTHING;
}

function reportOf(driver: Driver, call: Call, kept: boolean): Report {
  const text = kept ? driver.core.report(call.id) : "";
  return JSON.parse(text || Core.brief(call.response?.status ?? 0, driver.now() - call.begun)) as Report;
}

function failure(driver: Driver, call: Call, report: Report, code: number): Failure {
  const after = Math.floor(code / 256);
  const reason = w.REASONS[code & 63] ?? "misuse";
  return {
    reason,
    outcome: w.OUTCOMES[(code >> 6) & 3] ?? "unknown",
    report: { ...report, reason, retryAfterMs: after === w.NO_TIME ? null : after },
    target: call.job.target,
    wall: driver.clock.wall(),
    cause: reason === "auth" ? (call.job.auth?.error ?? call.error) : call.error,
  };
}

/** What `fetch` would throw: nothing was sent, so there is no error of the platform's own. */
function platform(error: CallError): Error {
  if (error.reason === "deadline" || error.reason === "timeout") {
    return timedOut(`The operation timed out: ${error.message}`, error);
  }
  return new TypeError("fetch failed", { cause: error });
}
