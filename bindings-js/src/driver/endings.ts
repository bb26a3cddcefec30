// How a call ends that has no answer worth delivering: the core's reason becomes an error of the kind that the caller
// knows, a verb's CallError or what `fetch` itself would throw.

import { Core } from "../core/boundary.js";
import * as w from "../core/codes.js";
import { CallError, type Failure, StatusError, said } from "../core/errors.js";
import type { Report } from "../core/settings.js";
import { account, decode, held } from "../http/response.js";
import type { Call, Reply } from "./call.js";
import type { Driver } from "./driver.js";

const NOTHING = new Uint8Array(0);

/** Ends a call that the core failed: returns the last answer where the caller wants that, else throws. */
export async function failed<A extends Reply>(driver: Driver, call: Call<A>, word: number): Promise<A> {
  const { job } = call;
  const flags = w.low(word);
  const code = w.arg(word);
  const report = reportOf(driver, call, (flags & w.REPORT) !== 0);
  if (call.own) throw call.error;
  const told = { text: (): string => report.text };
  if (flags & w.RESPONSE && call.response !== null) {
    if (job.dropin || !job.raise) return job.hand(call.response, call.bytes, call.attempt, told);
    await driver.keep(call, call.response);
    const bytes = call.bytes ?? NOTHING;
    // Only verbs raise, and theirs is the platform's Response.
    const response = held(call.response as unknown as Response, bytes, told);
    throw new StatusError(failure(driver, call, report, code), response, decode(bytes));
  }
  const error = new CallError(failure(driver, call, report, code));
  if (!job.dropin) throw error;
  const last = call.error ?? job.refusal(error);
  if (typeof last === "object" && last !== null) account(last, told);
  throw last;
}

/** The error of a delivered status from 400 on. */
export function statusError<A extends Reply>(driver: Driver, call: Call<A>, word: number): StatusError {
  const flags = w.low(word);
  const report = { ...reportOf(driver, call, (flags & w.REPORT) !== 0), reason: "status" as const };
  const response = call.response as unknown as Response;
  const bytes = call.bytes ?? NOTHING;
  const of = { label: call.job.label, reason: report.reason, report, wall: driver.clock.wall() };
  const told = { text: (): string => report.text };
  const outcome = w.OUTCOMES[w.arg(word)] ?? "unknown";
  return new StatusError({ ...of, outcome }, held(response, bytes, told), decode(bytes), (flags & w.APPLIED) !== 0);
}

/** An answer from 400 on that the caller wanted to have, with a body that is too large to be held. */
export function tooLarge<A extends Reply>(driver: Driver, call: Call<A>, word: number, cause: unknown): CallError {
  const report = reportOf(driver, call, (w.low(word) & w.REPORT) !== 0);
  const of = { label: call.job.label, reason: "misuse" as const, wall: driver.clock.wall(), cause };
  const outcome = w.OUTCOMES[w.arg(word)] ?? "unknown";
  const told = said("the answer is larger than maxBody", of.reason, outcome, "Raise maxBody, or stream the answer.");
  return new CallError({ ...of, outcome, report: { ...report, reason: of.reason, fault: "too-large", ...told } });
}

function reportOf<A extends Reply>(driver: Driver, call: Call<A>, kept: boolean): Report {
  const text = kept ? driver.core.report(call.id) : "";
  return JSON.parse(text || Core.brief(call.response?.status ?? 0, driver.now() - call.begun)) as Report;
}

function failure<A extends Reply>(driver: Driver, call: Call<A>, report: Report, code: number): Failure {
  const after = Math.floor(code / 256);
  const reason = w.REASONS[code & 63] ?? "misuse";
  return {
    reason,
    outcome: w.OUTCOMES[(code >> 6) & 3] ?? "unknown",
    report: { ...report, reason, retryAfterMs: after === w.NO_TIME ? null : after },
    label: call.job.label,
    wall: driver.clock.wall(),
    cause: reason === "auth" ? (call.job.auth?.error ?? call.error) : call.error,
  };
}
