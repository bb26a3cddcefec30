// One engine in its host: the core's state for one policy, the clock, and the parked calls. It handles no step and no
// HTTP.

import type { Core } from "../core/boundary.js";
import { registerLists } from "../core/lists.js";
import type { Settings, Snapshot } from "../core/settings.js";
import * as w from "../core/step-word.js";
import { timedOut } from "./attempt.js";
import { ignore } from "./body.js";
import type { Call, Reply } from "./call.js";
import { type Clock, EARLY } from "./clock.js";
import { EventListeners } from "./events.js";
import { CoreRecord } from "./record.js";
import { subscribe, unsubscribe } from "./signals.js";
import { TimeoutQueue } from "./timeouts.js";

/** An engine and its parked calls. */
export class Engine {
  readonly core: Core;
  readonly clock: Clock;
  readonly events: EventListeners;
  readonly timeouts: TimeoutQueue;
  settings: Settings;
  /** Functions that cancel the time limits of running credentials functions. */
  readonly #renewals = new Set<() => void>();
  #closed = false;
  #epoch: number;
  readonly #parked = new Map<number, { readonly wake: (() => void) | null }>();
  #nextId = 0;
  #seeded = false;
  #listening = false;

  constructor(core: Core, clock: Clock) {
    this.core = core;
    this.clock = clock;
    this.#epoch = clock.now();
    this.timeouts = new TimeoutQueue(clock.limits ?? clock);
    this.settings = JSON.parse(core.settings()) as Settings;
    registerLists(this.settings);
    this.events = new EventListeners(core);
  }

  /** Returns whole milliseconds since the engine was opened. */
  now(): number {
    return Math.max(0, Math.floor(this.clock.now() - this.#epoch));
  }

  /** Takes the next call id; after 2^32 of them one may be in use. */
  takeId(): number {
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    return id;
  }

  /** Seeds the core's random numbers, once. */
  seed(): void {
    if (this.#seeded) return;
    this.#seeded = true;
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.core.seed((high % 2 ** 20) * 2 ** 32 + low);
  }

  /** Wakes the calls that the core reports as ready. */
  wakeAll(): void {
    for (;;) {
      const word = this.core.wake();
      // A dead engine answers Misuse, whose argument names no call.
      if ((word & 15) !== w.DONE || w.arg(word) === 0) return;
      this.#parked.get(w.arg(word) - 1)?.wake?.();
    }
  }

  /** Wakes all parked calls of a dead engine so that they fail. */
  wakeParked(): void {
    for (const call of [...this.#parked.values()]) call.wake?.();
  }

  /** Parks a call until engine time `due`, a wake, or the caller's abort. After a timer that fires early it waits the rest. */
  park<A extends Reply>(call: Call<A>, due: number): Promise<void> {
    const { signal } = call.prepared;
    return new Promise((resolve) => {
      let cancel: () => void = ignore;
      const end = (): void => {
        cancel();
        call.wake = null;
        this.#parked.delete(call.id);
        if (signal !== null) unsubscribe(signal, call);
        resolve();
      };
      let early = 0;
      const wait = (fired = false): void => {
        const left = due - (this.clock.now() - this.#epoch);
        if (fired) early += left;
        // A test framework that fires timers without moving the clock means that the time has passed.
        if (left > 0 && early > EARLY) this.#epoch -= left;
        if (left <= 0 || early > EARLY) end();
        else cancel = this.clock.timer(Math.ceil(left), () => wait(true), false);
      };
      call.wake = end;
      this.#parked.set(call.id, call);
      if (signal !== null) subscribe(signal, call);
      if (due < Infinity) wait();
    });
  }

  /** Limits a credentials function to `ms` (0 = no limit). The process does not end before its result or its time. */
  limitRenewal<T>(ms: number, result: Promise<T>): Promise<T> {
    if (ms === 0 || this.#closed) return result;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(timedOut(`The credentials function took longer than ${ms} ms`));
      const cancel = this.clock.timer(ms, late, false);
      this.#renewals.add(cancel);
      const over = (): void => {
        this.#renewals.delete(cancel);
        cancel();
      };
      result.then(resolve, reject).finally(over);
    });
  }

  /** Reports to the core when the platform is online again. */
  awaitOnline(): void {
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

  /** Makes the record of a delivered call; `bits`: of its last word, which say whether the core has one. */
  record<A extends Reply>(call: Call<A>, status: number, bits: number): CoreRecord {
    return new CoreRecord(this.core, bits & w.REPORT ? call.id : -1, status, call.at - call.begun);
  }

  /** Returns counts and the state of breakers and limits. */
  snapshot(): Snapshot {
    return JSON.parse(this.core.snapshot(this.now())) as Snapshot;
  }

  /** Ends all waits; calls in flight may still deliver. */
  close(): void {
    if (w.low(this.core.close(this.now())) & w.WAKES) this.wakeAll();
    this.#closed = true;
    for (const cancel of this.#renewals) cancel();
    this.#renewals.clear();
    this.events.pull();
  }
}
