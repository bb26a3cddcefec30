// The one loop over the core's steps: it sends, waits, wakes and hands over. It decides nothing: whether to retry, how
// long to wait, what a header means and what a failure is called all come as words from the core.

import type { Core } from "../core/boundary.js";
import * as w from "../core/codes.js";
import type { RouteSettings, Settings, Snapshot } from "../core/settings.js";
import { hints } from "../core/watched.js";
import type { Account } from "../http/response.js";
import { sending } from "../http/stacked.js";
import { originOf } from "../under/origins.js";
import { Attempt, ignore, NoResponse, read, start, timedOut } from "./attempt.js";
import { Call, type Job, type Reply, type Source, Told } from "./call.js";
import { type Clock, EARLY, lookAround } from "./clock.js";
import type { Auth, Need } from "./credentials.js";
import { failed, statusError, tooLarge } from "./endings.js";
import { Observers } from "./events.js";
import { newKey } from "./keys.js";
import { join, leave, type Stop } from "./signals.js";
import { Watch } from "./timeouts.js";

/** How much of a discarded answer's body is kept, in bytes. */
const KEPT = 65536;
/** How long a discarded answer may take to bring that, in ms: its connection is held meanwhile. */
const LINGER = 1000;
/** How much of a body the core reads for a rule, in bytes. */
const PEEKED = 4096;
const NOTHING = new Uint8Array(0);

/** A call that asks for a credential. */
interface Leader {
  token: string | null;
  readonly job: { readonly settings: RouteSettings };
}

/** An engine and its calls. */
export class Driver {
  readonly core: Core;
  readonly clock: Clock;
  readonly observers: Observers;
  settings: Settings;
  /** Cancels of the time limits of credentials functions that were asked. */
  readonly #asks = new Set<() => void>();
  #closed = false;
  readonly #watch: Watch;
  #epoch: number;
  readonly #parked = new Map<number, { readonly wake: (() => void) | null }>();
  #next = 0;
  #seeded = false;
  #listening = false;

  constructor(core: Core, clock: Clock) {
    this.core = core;
    this.clock = clock;
    this.#epoch = clock.now();
    this.#watch = new Watch(clock.limits ?? clock);
    this.settings = JSON.parse(core.settings()) as Settings;
    this.observers = new Observers(core);
  }

  /** Whole milliseconds since the engine was opened. */
  now(): number {
    return Math.max(0, Math.floor(this.clock.now() - this.#epoch));
  }

  /** Takes one call from begin to its end. `later`: it begins when this tick is over. */
  async run<A extends Reply>(job: Job<A>, later: boolean): Promise<A> {
    if (later) await undefined;
    if (job.signal?.aborted === true) job.release?.();
    heed(job.signal);
    job.begins?.();
    if (!this.#seeded) this.#seed();
    const now = this.now();
    const deadline = job.deadline > 0 ? now + job.deadline : 0;
    let id: number;
    let word: number;
    do {
      id = this.#next;
      this.#next = (id + 1) >>> 0;
      word = this.core.begin(id, now, job.target, job.scope, job.what, deadline);
    } while (word === w.LIVE_WORD);
    const call = new Call(id, job, now);
    let bits = 0;
    try {
      for (;;) {
        bits |= w.low(word);
        if (w.low(word) & w.WAKES) this.wakeAll();
        switch (word & 15) {
          case w.SEND:
            word = await this.#attempt(call, w.arg(word), w.low(word));
            break;
          case w.WAIT:
          case w.PARK:
            word = await this.#pause(call, w.arg(word));
            break;
          case w.REFRESH:
            word = this.#refresh(call, word);
            break;
          case w.DELIVER:
            // A kept record waits for explain(); the core lets the oldest go.
            call.over = true;
            return this.#handOver(call, word) ?? (await this.#readOn(call, word));
          case w.FAIL:
            call.over = true;
            return failed(this, call, word);
          default:
            if (word === w.DEAD_WORD) this.#wakeParked();
            throw new Error(
              `unruffled: the core answered Misuse ${w.MISUSES[w.arg(word)]}; this is a bug, please report it`,
            );
        }
      }
    } finally {
      if (!call.over) this.#abandon(call);
      if (call.response === null) job.release?.();
      job.ended?.();
      if (bits & w.EVENTS || this.observers.active) this.observers.pull();
    }
  }

  /** Lets every parked call go that the core names. */
  wakeAll(): void {
    for (;;) {
      const word = this.core.wake();
      // A dead engine answers Misuse, whose argument names no call.
      if ((word & 15) !== w.DONE || w.arg(word) === 0) return;
      this.#parked.get(w.arg(word) - 1)?.wake?.();
    }
  }

  /** A dead engine wakes nobody: who is parked asks it, and ends. */
  #wakeParked(): void {
    for (const call of [...this.#parked.values()]) call.wake?.();
  }

  /** Counts, breakers and limits as they stand now. */
  snapshot(): Snapshot {
    return JSON.parse(this.core.snapshot(this.now())) as Snapshot;
  }

  /** Ends all waits; calls in flight may still deliver. */
  close(): void {
    if (w.low(this.core.close(this.now())) & w.WAKES) this.wakeAll();
    this.#closed = true;
    for (const cancel of this.#asks) cancel();
    this.#asks.clear();
    this.observers.pull();
  }

  /** Why a call took as long as it did; the report is pulled from the core at the first question. */
  account<A extends Reply>(call: Call<A>, status: number, kept: boolean): Account {
    return new Told(this.core, kept ? call.id : -1, status, call.at - call.begun);
  }

  #seed(): void {
    this.#seeded = true;
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.core.seed((high % 2 ** 20) * 2 ** 32 + low);
  }

  #abandon<A extends Reply>(call: Call<A>): void {
    call.over = true;
    call.letGo();
    if (w.low(this.core.abandon(call.id, this.now())) & w.WAKES) this.wakeAll();
  }

  async #attempt<A extends Reply>(call: Call<A>, timeout: number, bits: number): Promise<number> {
    const { job } = call;
    call.response = null;
    call.reader = null;
    call.bytes = null;
    call.error = undefined;
    const asks = (bits & w.TOKEN) !== 0 && job.auth !== null;
    const attempt = timeout > 0 || job.idle > 0 || asks ? new Attempt(this.#watch, job.signal) : null;
    call.attempt = attempt;
    attempt?.limit(timeout);
    if (attempt !== null) attempt.left = call.begun + longest(job) - call.at;
    let token: string | null = null;
    if (asks) {
      const auth = job.auth as Auth;
      try {
        token = call.token ?? auth.kept ?? (await this.#credential(auth, attempt as Attempt, timeout));
      } catch (error) {
        return this.#unsent(call, auth, error);
      }
      call.token = null;
    }
    if (bits & w.KEY) call.key ??= newKey(job.settings);
    else if (job.pooled === true) {
      await lookAround();
      heed(job.signal);
    }
    try {
      const response = await this.#send(job, attempt ?? job.signal, bits & w.KEY ? call.key : null, token);
      if (typeof response?.headers?.get !== "function") throw new NoResponse("the fetch option gave no Response");
      call.response = response;
      if (job.buffered && call.response.status < 400 && job.streams?.(call.response) !== true) {
        const { body } = call.response;
        call.bytes = body === null ? NOTHING : await read(body, job.settings.maxBody, attempt);
      }
    } catch (error) {
      return this.#broke(call, error);
    }
    return this.#answered(call, call.response);
  }

  #send<A extends Reply>(job: Job<A>, signal: Stop | null, key: string | null, token: string | null): Promise<A> {
    sending.now = true;
    try {
      return job.send(signal, key, token);
    } finally {
      sending.now = false;
    }
  }

  /** An attempt has its answer: status, and what the core wants to see of headers and body. */
  #answered<A extends Reply>(call: Call<A>, response: A): number | Promise<number> {
    const { job } = call;
    // Opaque answers hide their status; the platform calls them no failure.
    const status = response.status || (response.type === "opaqueredirect" ? 302 : 200);
    const by = response.redirected === true ? this.#answeredBy(response.url) : 0;
    const { watchSuccess, watchError } = this.settings;
    // Below 400 a gauge is worth reading whole once its first header is seen.
    const silent = status < 400 && hints(response.headers, watchSuccess).byteLength === 0;
    const lines = silent ? NOTHING : hints(response.headers, watchError);
    const { bodyStatuses } = job.settings;
    if (bodyStatuses.length > 0 && bodyStatuses.includes(status)) {
      if (call.bytes !== null) return this.#respond(call, status + by, lines, call.bytes.subarray(0, PEEKED));
      if (status >= 400 || response.whole === true) {
        return peek(response).then((body) => {
          heed(job.signal);
          return this.#respond(call, status + by, lines, body);
        });
      }
    }
    return this.#respond(call, status + by, lines, null);
  }

  /** What is added to the status of an answer that came by redirect: the scope of the origin that gave it. */
  #answeredBy(url: string | undefined): number {
    const scope = this.core.scope(originOf(url ?? ""), "");
    return scope > 0xffff ? 0 : w.REDIRECTED + scope * 0x10000;
  }

  #respond<A extends Reply>(call: Call<A>, status: number, lines: Uint8Array, body: Uint8Array | null): number {
    call.at = this.now();
    if (lines.byteLength === 0 && body === null) return this.core.respond(call.id, call.at, status);
    return this.core.respondWith(call.id, call.at, this.clock.wall(), status, lines, body ?? NOTHING);
  }

  /** An attempt ended without an answer. */
  async #broke<A extends Reply>(call: Call<A>, error: unknown): Promise<number> {
    const { job, attempt } = call;
    const headersCame = call.response !== null;
    call.response = null;
    attempt?.end();
    heed(job.signal);
    call.error = job.thrown == null ? error : job.thrown.error;
    const fault = attempt?.timedOut === true ? w.TIMEOUT : await this.#faultOf(call, error, headersCame);
    heed(job.signal);
    call.own = fault === w.REFUSED;
    if (fault === w.OFFLINE) this.#awaitOnline();
    call.at = this.now();
    return this.core.fault(call.id, call.at, fault);
  }

  #faultOf<A extends Reply>(call: Call<A>, error: unknown, headersCame: boolean): number | Promise<number> {
    if (error instanceof NoResponse) return w.REFUSED;
    if (headersCame) {
      if (!isTooLarge(error)) return w.TRUNCATED;
      call.attempt?.drop();
      return w.TOO_LARGE;
    }
    return call.job.faultOf(error);
  }

  /** Waits until woken or for `ms`, then asks the core. A discarded answer's body is read meanwhile, in part, and let go. */
  async #pause<A extends Reply>(call: Call<A>, ms: number): Promise<number> {
    const keeping = call.response === null ? null : this.keep(call, call.response);
    const stop = keeping === null ? ignore : (this.clock.limits ?? this.clock).timer(LINGER, () => call.letGo(), true);
    await this.#sleep(call, call.at + ms);
    if (keeping !== null) {
      stop();
      call.letGo();
      await keeping;
    }
    return this.#resume(call);
  }

  #resume<A extends Reply>(call: Call<A>): number {
    const { signal } = call.job;
    heed(signal);
    call.at = this.now();
    return this.core.resume(call.id, call.at);
  }

  /** Reads at most 64 KiB of an answer that will not be delivered, and lets the rest go. */
  async keep<A extends Reply>(call: Call<A>, response: A): Promise<void> {
    if (call.bytes === null && response.body !== null && !response.bodyUsed) {
      call.bytes = await start(response.body, KEPT, call);
    }
    call.bytes ??= NOTHING;
    call.attempt?.end();
  }

  /** Until engine time `due`, a wake, or the caller's abort. Timers may fire early: then the rest is waited as well. */
  #sleep<A extends Reply>(call: Call<A>, due: number): Promise<void> {
    const { signal } = call.job;
    return new Promise((resolve) => {
      let cancel: () => void = ignore;
      const end = (): void => {
        cancel();
        call.wake = null;
        this.#parked.delete(call.id);
        if (signal !== null) leave(signal, call);
        resolve();
      };
      let early = 0;
      const nap = (fired = false): void => {
        const left = due - (this.clock.now() - this.#epoch);
        if (fired) early += left;
        // A test framework lets timers fire and leaves the clock alone: it means that the time has passed.
        if (left > 0 && early > EARLY) this.#epoch -= left;
        if (left <= 0 || early > EARLY) end();
        else cancel = this.clock.timer(Math.ceil(left), () => nap(true), false);
      };
      call.wake = end;
      this.#parked.set(call.id, call);
      if (signal !== null) join(signal, call);
      if (due < Infinity) nap();
    });
  }

  /**
   * This call leads: it asks for a credential on behalf of all that wait for one, and is parked like them. The asking is
   * not cancelled with its leader; the core says how long the leader waits.
   */
  #refresh<A extends Reply>(call: Call<A>, word: number): number {
    void this.#renew(call.job.auth, w.arg(word), w.whyOf(word), call);
    return this.#resume(call);
  }

  async #renew(auth: Auth | null, generation: number, why: Need["why"], leader: Leader): Promise<void> {
    let word: number;
    try {
      if (auth === null) throw new Error("no credentials");
      const got = await this.#within(leader.job.settings.attempt, auth.renew(this.clock.wall(), why));
      word = this.core.token(this.now(), generation, got.expiresIn);
      // One that came too late is dropped: somebody else may have brought a newer one by then.
      if ((word & 15) !== w.MISUSE) {
        auth.keep(got);
        if (got.expiresIn === 0) leader.token = got.token;
      }
    } catch (error) {
      if (auth !== null) auth.error = error;
      word = this.core.tokenFailed(this.now(), generation, w.LOST);
    }
    if (w.low(word) & w.WAKES) this.wakeAll();
  }

  /** A credential function's answer, or an error after `ms` (0 = no limit): no process ends before either. */
  #within<T>(ms: number, asked: Promise<T>): Promise<T> {
    if (ms === 0 || this.#closed) return asked;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(timedOut(`The credentials function took longer than ${ms} ms`));
      const cancel = this.clock.timer(ms, late, false);
      this.#asks.add(cancel);
      const over = (): void => {
        this.#asks.delete(cancel);
        cancel();
      };
      asked.then(resolve, reject).finally(over);
    });
  }

  /** For one attempt, within its time. The caller's abort ends the asking at once. */
  async #credential(auth: Auth, attempt: Attempt, ms: number): Promise<string> {
    const { signal } = attempt;
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    const asked = auth.token(this.clock.wall());
    return Promise.race([this.#within(ms, asked), stopped]);
  }

  /** There is no credential, so that nothing is sent: final, and nothing to the breaker. */
  #unsent<A extends Reply>(call: Call<A>, auth: Auth, error: unknown): number {
    call.attempt?.end();
    heed(call.job.signal);
    auth.error = error;
    call.error = error;
    call.at = this.now();
    return this.core.fault(call.id, call.at, w.REFUSED + w.CAUSE * w.CREDENTIAL);
  }

  /** The answer as the caller gets it; null where more of its body must be read first. */
  #handOver<A extends Reply>(call: Call<A>, word: number): A | null {
    const { job, attempt } = call;
    const response = call.response as A;
    if (response.status >= 400 && call.bytes === null && (job.raise || (job.buffered && response.body !== null)))
      return null;
    const account = this.account(call, response.status, (w.low(word) & w.REPORT) !== 0);
    return job.hand(response, call.bytes, attempt, account);
  }

  /** The body of an error: kept in part for the one who catches it, or read whole for the one who asked for that. */
  async #readOn<A extends Reply>(call: Call<A>, word: number): Promise<A> {
    const { job, attempt } = call;
    const response = call.response as A;
    if (!job.raise) {
      try {
        call.bytes = await read(response.body as Source, job.settings.maxBody, attempt);
      } catch (error) {
        heed(job.signal);
        if (error instanceof NoResponse) throw error;
        if (isTooLarge(error) && !job.dropin) throw tooLarge(this, call, word, error);
        // The status is known, and must not be lost to its body.
        call.bytes = NOTHING;
      } finally {
        attempt?.end();
      }
      return this.#handOver(call, word) as A;
    }
    await this.keep(call, response);
    heed(job.signal);
    throw statusError(this, call, word);
  }

  #awaitOnline(): void {
    const scope = globalThis as { addEventListener?: (kind: string, then: () => void, how: { once: true }) => void };
    if (this.#listening || scope.addEventListener === undefined) return;
    this.#listening = true;
    scope.addEventListener(
      "online",
      () => {
        this.#listening = false;
        if (w.low(this.core.online(this.now())) & w.WAKES) this.wakeAll();
      },
      { once: true },
    );
  }
}

type Limited = Pick<Job, "deadline" | "dropin" | "settings">;

/** How long a call may take, in ms; a drop-in takes no limit that the policy's text does not give. */
function longest({ deadline, dropin, settings: { total, totalWritten } }: Limited): number {
  if (deadline > 0) return deadline;
  return total === 0 || (dropin && !totalWritten) ? Infinity : total;
}

function isTooLarge(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "TooLarge";
}

/** The caller's abort ends the call with the caller's own reason, untouched. */
function heed(signal: Stop | null): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** The first bytes of an answer that may still be handed out whole. */
async function peek(response: Reply): Promise<Uint8Array> {
  const copy = response.clone().body;
  return copy === null ? NOTHING : start(copy, PEEKED);
}
