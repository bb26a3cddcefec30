// Endings without a delivered answer: the core's reason becomes an error of the kind that the caller knows, a verb's
// CallError or the error that `fetch` itself would throw.

import { Core } from "../core/boundary.js";
import { CallError, type Failure, said } from "../core/errors.js";
import type { Report } from "../core/settings.js";
import * as w from "../core/step-word.js";
import { NOTHING } from "./body.js";
import type { Call, Reply, StatusEnding } from "./call.js";
import type { Engine } from "./engine.js";
import { remember } from "./record.js";

/** Ends a call that the core failed: returns the last answer where the caller wants that, else throws. */
export async function failed<A extends Reply>(engine: Engine, call: Call<A>, word: number): Promise<A> {
  const { prepared } = call;
  const flags = w.low(word);
  const code = w.arg(word);
  const report = reportOf(engine, call, flags);
  if (call.own) throw call.error;
  const record = { text: (): string => report.text };
  if (flags & w.RESPONSE && call.response !== null) {
    if (prepared.dropin || !prepared.raise) return prepared.deliver(call.response, call.bytes, call.attempt, record);
    await call.retainBody(call.response);
    const failure = failureOf(engine, call, report, code);
    throw raised(call, { failure, record, maybeApplied: false });
  }
  const error = new CallError(failureOf(engine, call, report, code));
  if (!prepared.dropin) throw error;
  const last = call.error ?? prepared.refusal(error);
  if (typeof last === "object" && last !== null) remember(last, record);
  throw last;
}

/** Makes the error of a delivered status from 400 on. */
export function statusError<A extends Reply>(engine: Engine, call: Call<A>, word: number): unknown {
  const flags = w.low(word);
  const report = { ...reportOf(engine, call, flags), reason: "status" as const };
  const of = { label: call.prepared.label, reason: report.reason, report, wall: engine.clock.wall() };
  const failure = { ...of, outcome: w.OUTCOMES[w.arg(word)] ?? "unknown" };
  const record = { text: (): string => report.text };
  return raised(call, { failure, record, maybeApplied: (flags & w.APPLIED) !== 0 });
}

/** Makes the error of an answer from 400 on that was to be returned and whose body is too large to be held. */
export function tooLarge<A extends Reply>(engine: Engine, call: Call<A>, word: number, cause: unknown): CallError {
  const report = reportOf(engine, call, w.low(word));
  const of = { label: call.prepared.label, reason: "misuse" as const, wall: engine.clock.wall(), cause };
  const outcome = w.OUTCOMES[w.arg(word)] ?? "unknown";
  const end = said("the answer is larger than maxBody", of.reason, outcome, "Raise maxBody, or stream the answer.");
  return new CallError({ ...of, outcome, report: { ...report, reason: of.reason, fault: "too-large", ...end } });
}

/** Makes the StatusError; only calls that raise have one. */
function raised<A extends Reply>(call: Call<A>, ended: StatusEnding): unknown {
  return call.prepared.statusError?.(call.response as A, call.bytes ?? NOTHING, ended);
}

function reportOf<A extends Reply>(engine: Engine, call: Call<A>, flags: number): Report {
  const text = flags & w.REPORT ? engine.core.report(call.id) : "";
  return JSON.parse(text || Core.brief(call.response?.status ?? 0, engine.now() - call.begun)) as Report;
}

function failureOf<A extends Reply>(engine: Engine, call: Call<A>, report: Report, code: number): Failure {
  const after = Math.floor(code / 256);
  const reason = w.REASONS[code & 63] ?? "misuse";
  return {
    reason,
    outcome: w.OUTCOMES[(code >> 6) & 3] ?? "unknown",
    report: { ...report, reason, retryAfterMs: after === w.NO_TIME ? null : after },
    label: call.prepared.label,
    wall: engine.clock.wall(),
    cause: reason === "auth" ? (call.prepared.credential?.error ?? call.error) : call.error,
  };
}
