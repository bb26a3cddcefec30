// The one loop over the core's steps: it sends, waits, wakes and delivers. It decides nothing: whether to retry, how long to
// wait, what a header means and what a failure is called all come as words from the core.

import * as w from "../core/codes.js";
import { originOf } from "../core/origin.js";
import { hints } from "../core/watched.js";
import { Attempt } from "./attempt.js";
import { type BodySource, ignore, NOTHING, NoResponse, read, start } from "./body.js";
import { Call, type Job, type Reply } from "./call.js";
import { lookAround } from "./clock.js";
import type { Auth, Need } from "./credentials.js";
import { failed, statusError, tooLarge } from "./endings.js";
import type { Engine } from "./engine.js";
import { newKey } from "./keys.js";
import { sending } from "./nested.js";
import type { Stop } from "./signals.js";

/** How long the reading of a discarded answer's body may take, in ms: its connection is held meanwhile. */
const LINGER = 1000;
/** How much of a body the core reads for a rule, in bytes. */
const PEEKED = 4096;

/** Runs one call from begin to its end. `begin`: in this tick, or when it is over. */
export async function run<A extends Reply>(engine: Engine, job: Job<A>, begin: "at once" | "next tick"): Promise<A> {
  if (begin === "next tick") await undefined;
  if (job.signal?.aborted === true) job.release?.();
  heed(job.signal);
  job.begins?.();
  engine.seed();
  const now = engine.now();
  const deadline = job.deadline > 0 ? now + job.deadline : 0;
  let id: number;
  let word: number;
  do {
    id = engine.takeId();
    word = engine.core.begin(id, now, job.target, job.scope, job.what, deadline);
  } while (word === w.LIVE_WORD);
  const call = new Call(id, job, now);
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
    if (call.response === null) job.release?.();
    job.ended?.();
    if (bits & w.EVENTS || engine.events.active) engine.events.pull();
  }
}

function abandon<A extends Reply>(engine: Engine, call: Call<A>): void {
  call.over = true;
  call.discard();
  if (w.low(engine.core.abandon(call.id, engine.now())) & w.WAKES) engine.wakeAll();
}

async function attempt<A extends Reply>(engine: Engine, call: Call<A>, timeout: number, bits: number): Promise<number> {
  const { job } = call;
  call.response = null;
  call.reader = null;
  call.bytes = null;
  call.error = undefined;
  const asks = (bits & w.TOKEN) !== 0 && job.auth !== null;
  const stop = timeout > 0 || job.idle > 0 || asks ? new Attempt(engine.timeouts, job.signal) : null;
  call.attempt = stop;
  stop?.limit(timeout);
  if (stop !== null) stop.left = call.begun + longest(job) - call.at;
  let token: string | null = null;
  if (asks) {
    const auth = job.auth as Auth;
    try {
      token = call.token ?? auth.kept ?? (await fetchToken(engine, auth, stop as Attempt, timeout));
    } catch (error) {
      return unsent(engine, call, auth, error);
    }
    call.token = null;
  }
  if (bits & w.KEY) call.key ??= newKey(job.settings);
  else if (job.pooled === true) {
    await lookAround();
    heed(job.signal);
  }
  try {
    const response = await send(job, stop ?? job.signal, bits & w.KEY ? call.key : null, token);
    if (typeof response?.headers?.get !== "function") throw new NoResponse("the fetch option gave no Response");
    call.response = response;
    if (job.buffered && call.response.status < 400 && job.streams?.(call.response) !== true) {
      const { body } = call.response;
      call.bytes = body === null ? NOTHING : await read(body, job.settings.maxBody, stop);
    }
  } catch (error) {
    return broke(engine, call, error);
  }
  return answered(engine, call, call.response);
}

function send<A extends Reply>(job: Job<A>, signal: Stop | null, key: string | null, token: string | null): Promise<A> {
  sending.now = true;
  try {
    return job.send(signal, key, token);
  } finally {
    sending.now = false;
  }
}

/** Reports an answer: its status, and what the core wants to see of headers and body. */
function answered<A extends Reply>(engine: Engine, call: Call<A>, response: A): number | Promise<number> {
  const { job } = call;
  // Opaque answers hide their status; the platform calls them no failure.
  const status = response.status || (response.type === "opaqueredirect" ? 302 : 200);
  const by = response.redirected === true ? answeredBy(engine, response.url) : 0;
  const { watchSuccess, watchError } = engine.settings;
  // Below 400 a gauge is worth reading whole once its first header is seen.
  const silent = status < 400 && hints(response.headers, watchSuccess).byteLength === 0;
  const lines = silent ? NOTHING : hints(response.headers, watchError);
  const { bodyStatuses } = job.settings;
  if (bodyStatuses.length > 0 && bodyStatuses.includes(status)) {
    if (call.bytes !== null) return respond(engine, call, status + by, lines, call.bytes.subarray(0, PEEKED));
    if (status >= 400 || response.whole === true) {
      return peek(response).then((body) => {
        heed(job.signal);
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
async function broke<A extends Reply>(engine: Engine, call: Call<A>, error: unknown): Promise<number> {
  const { job, attempt } = call;
  const headersCame = call.response !== null;
  call.response = null;
  attempt?.end();
  heed(job.signal);
  call.error = job.thrown == null ? error : job.thrown.error;
  const fault = attempt?.timedOut === true ? w.TIMEOUT : await faultOf(call, error, headersCame);
  heed(job.signal);
  call.own = fault === w.REFUSED;
  if (fault === w.OFFLINE) engine.awaitOnline();
  call.at = engine.now();
  return engine.core.fault(call.id, call.at, fault);
}

function faultOf<A extends Reply>(call: Call<A>, error: unknown, headersCame: boolean): number | Promise<number> {
  if (error instanceof NoResponse) return w.REFUSED;
  if (headersCame) {
    if (!isTooLarge(error)) return w.TRUNCATED;
    call.attempt?.drop();
    return w.TOO_LARGE;
  }
  return call.job.faultOf(error);
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
  heed(call.job.signal);
  call.at = engine.now();
  return engine.core.resume(call.id, call.at);
}

/**
 * Asks for a credential on behalf of all calls that wait for one; this call then waits as they do. An abort of this call
 * does not end the asking. The core says how long this call waits.
 */
function refresh<A extends Reply>(engine: Engine, call: Call<A>, word: number): number {
  void renew(engine, call, w.arg(word), w.whyOf(word));
  return resume(engine, call);
}

async function renew<A extends Reply>(
  engine: Engine,
  leader: Call<A>,
  generation: number,
  why: Need["why"],
): Promise<void> {
  const { auth, settings } = leader.job;
  let word: number;
  try {
    if (auth === null) throw new Error("no credentials");
    const got = await engine.limitRenewal(settings.attempt, auth.renew(engine.clock.wall(), why));
    word = engine.core.token(engine.now(), generation, got.expiresIn);
    // A token that came too late is dropped: another call may have brought a newer one by then.
    if ((word & 15) !== w.MISUSE) {
      auth.keep(got);
      if (got.expiresIn === 0) leader.token = got.token;
    }
  } catch (error) {
    if (auth !== null) auth.error = error;
    word = engine.core.tokenFailed(engine.now(), generation, w.LOST);
  }
  if (w.low(word) & w.WAKES) engine.wakeAll();
}

/** Asks for the token of one attempt, within its time. The caller's abort ends the asking at once. */
async function fetchToken(engine: Engine, auth: Auth, attempt: Attempt, ms: number): Promise<string> {
  const { signal } = attempt;
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  const asked = auth.token(engine.clock.wall());
  return Promise.race([engine.limitRenewal(ms, asked), stopped]);
}

/** Reports that there is no credential, so that nothing is sent. This is final, and does not count for the breaker. */
function unsent<A extends Reply>(engine: Engine, call: Call<A>, auth: Auth, error: unknown): number {
  call.attempt?.end();
  heed(call.job.signal);
  auth.error = error;
  call.error = error;
  call.at = engine.now();
  return engine.core.fault(call.id, call.at, w.REFUSED + w.CAUSE * w.CREDENTIAL);
}

/** Delivers the answer; null where more of its body must be read first. */
function deliver<A extends Reply>(engine: Engine, call: Call<A>, word: number): A | null {
  const { job } = call;
  const response = call.response as A;
  if (response.status >= 400 && call.bytes === null && (job.raise || (job.buffered && response.body !== null)))
    return null;
  return job.hand(response, call.bytes, call.attempt, engine.record(call, response.status, w.low(word)));
}

/** Reads the body of an error: in part for a caller that catches it, or whole for one that asked for the answer. */
async function readOn<A extends Reply>(engine: Engine, call: Call<A>, word: number): Promise<A> {
  const { job, attempt } = call;
  const response = call.response as A;
  if (!job.raise) {
    try {
      call.bytes = await read(response.body as BodySource, job.settings.maxBody, attempt);
    } catch (error) {
      heed(job.signal);
      if (error instanceof NoResponse) throw error;
      if (isTooLarge(error) && !job.dropin) throw tooLarge(engine, call, word, error);
      // The status is known, and must not be lost to its body.
      call.bytes = NOTHING;
    } finally {
      attempt?.end();
    }
    return deliver(engine, call, word) as A;
  }
  await call.retainBody(response);
  heed(job.signal);
  throw statusError(engine, call, word);
}

type Limited = Pick<Job, "deadline" | "dropin" | "settings">;

/** Returns how long a call may take, in ms; a drop-in takes no limit that the policy's text does not give. */
function longest({ deadline, dropin, settings: { total, totalWritten } }: Limited): number {
  if (deadline > 0) return deadline;
  return total === 0 || (dropin && !totalWritten) ? Infinity : total;
}

function isTooLarge(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "TooLarge";
}

/** Throws the caller's own reason, untouched, if the caller has aborted. */
function heed(signal: Stop | null): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** Reads the first bytes of an answer that may still be handed out whole. */
async function peek(response: Reply): Promise<Uint8Array> {
  const copy = response.clone().body;
  return copy === null ? NOTHING : start(copy, PEEKED);
}
