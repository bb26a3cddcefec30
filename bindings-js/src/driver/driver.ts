// The loop over the core's steps: it sends, waits, wakes and delivers. It decides nothing. The core's words say whether
// to retry, how long to wait, what a header means and what a failure is called.

import { originOf } from "../core/origin.js";
import * as w from "../core/step-word.js";
import { watchedLines } from "../core/watched.js";
import { Attempt } from "./attempt.js";
import { type BodySource, ignore, NOTHING, NoResponse, readPrefix, readWhole } from "./body.js";
import { Call, type PreparedCall, type Reply } from "./call.js";
import { nextPoll } from "./clock.js";
import type { Credential } from "./credentials.js";
import { failed, statusError, tooLarge } from "./endings.js";
import type { Engine } from "./engine.js";
import { newKey } from "./keys.js";
import { sending } from "./nested.js";
import type { AbortSignalLike } from "./signals.js";
import { isPerRequest } from "./timeouts.js";

/** How long the reading of a discarded answer's body may take, in ms: its connection is held meanwhile. */
const LINGER = 1000;
/** How much of a body the core reads for a rule, in bytes. */
const PEEKED = 4096;

/** Runs one call from begin to its end. `begin`: in this tick, or when it is over. */
export async function run<A extends Reply>(
  engine: Engine,
  prepared: PreparedCall<A>,
  begin: "at once" | "next tick",
): Promise<A> {
  if (begin === "next tick") await undefined;
  if (prepared.signal?.aborted === true) prepared.release?.();
  throwIfAborted(prepared.signal);
  prepared.onBegin?.();
  engine.seed();
  const now = engine.now();
  const deadline = prepared.deadline > 0 ? now + prepared.deadline : 0;
  let id: number;
  let word: number;
  do {
    id = engine.takeId();
    word = engine.core.begin(id, now, prepared.target, prepared.scope, prepared.flags, deadline);
  } while (word === w.LIVE_WORD);
  const call = new Call(id, prepared, now);
  let bits = 0;
  try {
    for (;;) {
      bits |= w.low(word);
      if (w.low(word) & w.WAKES) engine.wakeAll();
      switch (word & 15) {
        case w.SEND:
          word = await attempt(engine, call, w.arg(word), w.low(word));
          break;
        case w.WAIT:
        case w.PARK:
          word = await pause(engine, call, w.arg(word));
          break;
        case w.REFRESH:
          word = refresh(engine, call, word);
          break;
        case w.DELIVER:
          // A stored record waits for explain(); the core drops the oldest.
          call.over = true;
          return deliver(engine, call, word) ?? (await readOn(engine, call, word));
        case w.FAIL:
          call.over = true;
          return failed(engine, call, word);
        default:
          if (word === w.DEAD_WORD) engine.wakeParked();
          throw new Error(
            `unruffled: the core answered Misuse ${w.MISUSES[w.arg(word)]}; this is a bug, please report it`,
          );
      }
    }
  } finally {
    if (!call.over) abandon(engine, call);
    if (call.response === null) prepared.release?.();
    prepared.onEnd?.();
    if (bits & w.EVENTS || engine.events.active) engine.events.pull();
  }
}

function abandon<A extends Reply>(engine: Engine, call: Call<A>): void {
  call.over = true;
  call.discard();
  if (w.low(engine.core.abandon(call.id, engine.now())) & w.WAKES) engine.wakeAll();
}

async function attempt<A extends Reply>(engine: Engine, call: Call<A>, timeout: number, bits: number): Promise<number> {
  const { prepared } = call;
  call.response = null;
  call.reader = null;
  call.bytes = null;
  call.error = undefined;
  const asks = (bits & w.TOKEN) !== 0 && prepared.credential !== null;
  const stop = timeout > 0 || prepared.idle > 0 || asks ? new Attempt(engine.timeouts, prepared.signal) : null;
  call.attempt = stop;
  stop?.limit(timeout);
  if (stop !== null) stop.remaining = call.begun + longest(prepared) - call.at;
  let token: string | null = null;
  if (asks) {
    const credential = prepared.credential as Credential;
    try {
      token = call.token ?? credential.retained ?? (await fetchToken(engine, credential, stop as Attempt, timeout));
    } catch (error) {
      return unsent(engine, call, credential, error);
    }
    call.token = null;
    if (bits & w.RENEW) renewBeside(engine, call);
  }
  if (bits & w.KEY) call.key ??= newKey(prepared.settings);
  else if (prepared.pooled === true) {
    await nextPoll();
    throwIfAborted(prepared.signal);
  }
  try {
    const response = await send(prepared, stop ?? prepared.signal, bits & w.KEY ? call.key : null, token);
    if (typeof response?.headers?.get !== "function") throw new NoResponse("the fetch option gave no Response");
    call.response = response;
    if (prepared.buffered && call.response.status < 400 && prepared.streams?.(call.response) !== true) {
      const { body } = call.response;
      call.bytes = body === null ? NOTHING : await readWhole(body, prepared.settings.maxBody, stop);
    }
  } catch (error) {
    return attemptBroke(engine, call, error);
  }
  return attemptAnswered(engine, call, call.response);
}

function send<A extends Reply>(
  prepared: PreparedCall<A>,
  signal: AbortSignalLike | null,
  key: string | null,
  token: string | null,
): Promise<A> {
  sending.now = true;
  try {
    return prepared.send(signal, key, token);
  } finally {
    sending.now = false;
  }
}

/** Reports an answer: its status, and what the core wants to see of headers and body. */
function attemptAnswered<A extends Reply>(engine: Engine, call: Call<A>, response: A): number | Promise<number> {
  const { prepared } = call;
  // Opaque answers hide their status; to the platform they are no failure.
  const status = response.status || (response.type === "opaqueredirect" ? 302 : 200);
  const by = response.redirected === true ? answeredBy(engine, response.url) : 0;
  const { watchSuccess, watchError } = engine.settings;
  // Below 400 a gauge is worth reading whole once its first header is seen.
  const silent = status < 400 && watchedLines(response.headers, watchSuccess).byteLength === 0;
  const lines = silent ? NOTHING : watchedLines(response.headers, watchError);
  const { bodyStatuses } = prepared.settings;
  if (bodyStatuses.length > 0 && bodyStatuses.includes(status)) {
    if (call.bytes !== null) return respond(engine, call, status + by, lines, call.bytes.subarray(0, PEEKED));
    if (status >= 400 || response.whole === true) {
      return peek(response).then((body) => {
        throwIfAborted(prepared.signal);
        return respond(engine, call, status + by, lines, body);
      });
    }
  }
  return respond(engine, call, status + by, lines, null);
}

/** Returns what is added to the status of an answer that came by redirect: the scope of the origin that gave it. */
function answeredBy(engine: Engine, url: string | undefined): number {
  const scope = engine.core.scope(originOf(url ?? ""), "");
  return scope > 0xffff ? 0 : w.REDIRECTED + scope * 0x10000;
}

function respond<A extends Reply>(
  engine: Engine,
  call: Call<A>,
  status: number,
  lines: Uint8Array,
  body: Uint8Array | null,
): number {
  call.at = engine.now();
  if (lines.byteLength === 0 && body === null) return engine.core.respond(call.id, call.at, status);
  return engine.core.respondWith(call.id, call.at, engine.clock.wall(), status, lines, body ?? NOTHING);
}

/** Reports an attempt that ended without an answer. */
async function attemptBroke<A extends Reply>(engine: Engine, call: Call<A>, error: unknown): Promise<number> {
  const { prepared, attempt } = call;
  const headersCame = call.response !== null;
  call.response = null;
  attempt?.end();
  throwIfAborted(prepared.signal);
  call.error = prepared.thrown == null ? error : prepared.thrown.error;
  const fault = attempt?.timedOut === true ? w.TIMEOUT : await faultOf(call, error, headersCame);
  throwIfAborted(prepared.signal);
  call.own = fault === w.REFUSED;
  if (fault === w.OFFLINE) engine.awaitOnline();
  call.at = engine.now();
  return engine.core.fault(call.id, call.at, fault);
}

function faultOf<A extends Reply>(call: Call<A>, error: unknown, headersCame: boolean): number | Promise<number> {
  if (error instanceof NoResponse) return w.REFUSED;
  if (headersCame) {
    if (!isTooLarge(error)) return w.TRUNCATED;
    call.attempt?.cancel();
    return w.TOO_LARGE;
  }
  return call.prepared.faultOf(error);
}

/** Waits until woken or for `ms`, then asks the core. A discarded answer's body is read meanwhile, in part. */
async function pause<A extends Reply>(engine: Engine, call: Call<A>, ms: number): Promise<number> {
  const { clock } = engine;
  const retaining = call.response === null ? null : call.retainBody(call.response);
  const stop = retaining === null ? ignore : (clock.limits ?? clock).timer(LINGER, () => call.discard(), true);
  await engine.park(call, call.at + ms);
  if (retaining !== null) {
    stop();
    call.discard();
    await retaining;
  }
  return resume(engine, call);
}

function resume<A extends Reply>(engine: Engine, call: Call<A>): number {
  throwIfAborted(call.prepared.signal);
  call.at = engine.now();
  return engine.core.resume(call.id, call.at);
}

/**
 * Fetches a credential for all calls that wait for one; this call then waits too. An abort of this call does not end
 * the fetching. The core says how long this call waits.
 */
function refresh<A extends Reply>(engine: Engine, call: Call<A>, word: number): number {
  void renew(engine, call, word);
  return resume(engine, call);
}

/** Fetches the next token beside the calls, if no other call does so; this call goes on with the held one. */
function renewBeside<A extends Reply>(engine: Engine, call: Call<A>): void {
  // Where each request has a context of its own, what it leaves behind is lost with it.
  if (isPerRequest()) return;
  const word = engine.core.renew(engine.now(), call.prepared.scope);
  if ((word & 15) === w.REFRESH) void renew(engine, call, word);
}

/** Does what a Refresh asks for. */
async function renew<A extends Reply>(engine: Engine, leader: Call<A>, refresh: number): Promise<void> {
  const { credential, settings } = leader.prepared;
  const generation = w.arg(refresh);
  const why = w.whyOf(refresh);
  let word: number;
  try {
    if (credential === null) throw new Error("no credentials");
    const got = await engine.limitRenewal(settings.attempt, credential.renew(engine.clock.wall(), why));
    const unchanged = why === "refused" && credential.retains(got);
    word = unchanged
      ? engine.core.tokenFailed(engine.now(), generation, w.UNCHANGED, 0)
      : engine.core.token(engine.now(), generation, got.expiresIn);
    // A token that came too late is dropped: another call may have brought a newer one by then.
    if (!unchanged && (word & 15) !== w.MISUSE) {
      credential.retain(got);
      if (got.expiresIn === 0) leader.token = got.token;
    }
  } catch (error) {
    if (credential !== null) credential.error = error;
    word = engine.core.tokenFailed(engine.now(), generation, w.LOST, 0);
  }
  if (w.low(word) & w.WAKES) engine.wakeAll();
}

/** Asks for the token of one attempt, within its time. The caller's abort ends the asking at once. */
async function fetchToken(engine: Engine, credential: Credential, attempt: Attempt, ms: number): Promise<string> {
  const { signal } = attempt;
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  const result = credential.token(engine.clock.wall());
  return Promise.race([engine.limitRenewal(ms, result), aborted]);
}

/** Reports that there is no credential, so that nothing is sent. This is final, and does not count for the breaker. */
function unsent<A extends Reply>(engine: Engine, call: Call<A>, credential: Credential, error: unknown): number {
  call.attempt?.end();
  throwIfAborted(call.prepared.signal);
  credential.error = error;
  call.error = error;
  call.at = engine.now();
  return engine.core.fault(call.id, call.at, w.REFUSED + w.CAUSE * w.CAUSE_CREDENTIAL);
}

/** Delivers the answer; null where more of its body must be read first. */
function deliver<A extends Reply>(engine: Engine, call: Call<A>, word: number): A | null {
  const { prepared } = call;
  const response = call.response as A;
  if (
    response.status >= 400 &&
    call.bytes === null &&
    (prepared.raise || (prepared.buffered && response.body !== null))
  )
    return null;
  return prepared.deliver(response, call.bytes, call.attempt, engine.record(call, response.status, w.low(word)));
}

/** Reads the body of an error: in part for a caller that catches it, or whole for one that asked for the answer. */
async function readOn<A extends Reply>(engine: Engine, call: Call<A>, word: number): Promise<A> {
  const { prepared, attempt } = call;
  const response = call.response as A;
  if (!prepared.raise) {
    try {
      call.bytes = await readWhole(response.body as BodySource, prepared.settings.maxBody, attempt);
    } catch (error) {
      throwIfAborted(prepared.signal);
      if (error instanceof NoResponse) throw error;
      if (isTooLarge(error) && !prepared.dropin) throw tooLarge(engine, call, word, error);
      // The status is known, and must not be lost to its body.
      call.bytes = NOTHING;
    } finally {
      attempt?.end();
    }
    return deliver(engine, call, word) as A;
  }
  await call.retainBody(response);
  throwIfAborted(prepared.signal);
  throw statusError(engine, call, word);
}

type Limited = Pick<PreparedCall, "deadline" | "dropin" | "settings">;

/** Returns how long a call may take, in ms; a drop-in takes no limit that the policy's text does not give. */
function longest({ deadline, dropin, settings: { total, totalWritten } }: Limited): number {
  if (deadline > 0) return deadline;
  return total === 0 || (dropin && !totalWritten) ? Infinity : total;
}

function isTooLarge(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "TooLarge";
}

/** Throws the caller's own reason, untouched, if the caller has aborted. */
function throwIfAborted(signal: AbortSignalLike | null): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** Reads the first bytes of an answer that may still be handed out whole. */
async function peek(response: Reply): Promise<Uint8Array> {
  const copy = response.clone().body;
  return copy === null ? NOTHING : readPrefix(copy, PEEKED);
}
