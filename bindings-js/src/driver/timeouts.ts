// Time limits of attempts and of reads, with one timer for a whole client. There is one list per length of limit, so
// each list is in order of due time. The timer is armed again only for an earlier due time.

import { type Clock, EARLY } from "./clock.js";

/** The owner of a time limit. A list references it until it is removed or expires, so it must not hold a Response. */
export interface TimeoutOwner {
  /** Called when the limit has passed; the owner is already off its list. */
  expired(): void;
  entry: TimeoutEntry | null;
}

/** An entry of a list. */
export interface TimeoutEntry {
  readonly owner: TimeoutOwner;
  readonly due: number;
  previous: TimeoutEntry;
  next: TimeoutEntry;
  cancel: (() => void) | null;
}

let perRequest = false;

/** Gives each limit its own timer, for platforms where a timer of one request never fires in another. */
export function timersPerRequest(): void {
  perRequest = true;
}

/** Reports whether what a request leaves behind is lost with it: timers and promises. */
export const isPerRequest = (): boolean => perRequest;

/** The time limits of one client. */
export class TimeoutQueue {
  readonly #clock: Clock;
  readonly #lists = new Map<number, TimeoutEntry>();
  #armedFor = Infinity;
  /** How far a test framework is ahead of the clock, by its timers alone. */
  #ahead = 0;
  /** The ms by which the timers since the last punctual one fired too early, together. */
  #early = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.#ahead;
  }

  /** Starts a limit of `ms` for `owner`, in place of its current one. */
  add(owner: TimeoutOwner, ms: number): void {
    this.remove(owner);
    const due = this.now() + ms;
    if (perRequest) {
      owner.entry = loop(owner, due);
      owner.entry.cancel = this.#clock.timer(ms, () => this.#expire(owner), true);
      return;
    }
    const list = this.#list(ms);
    const last = list.previous;
    const entry: TimeoutEntry = { owner, due, previous: last, next: list, cancel: null };
    last.next = entry;
    list.previous = entry;
    owner.entry = entry;
    if (due < this.#armedFor) this.#arm(due, ms);
  }

  /** Ends the limit of `owner`, if any. */
  remove(owner: TimeoutOwner): void {
    const entry = owner.entry;
    if (entry === null) return;
    owner.entry = null;
    entry.cancel?.();
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
  }

  #list(ms: number): TimeoutEntry {
    let list = this.#lists.get(ms);
    if (list === undefined) {
      list = loop(SENTINEL, Infinity);
      this.#lists.set(ms, list);
    }
    return list;
  }

  #arm(due: number, ms: number): void {
    this.#cancel?.();
    this.#armedFor = due;
    this.#cancel = this.#clock.timer(Math.max(1, Math.ceil(ms)), () => this.#fire(), true);
  }

  #fire(): void {
    const early = this.#armedFor - this.now();
    this.#early = early > 0 ? this.#early + early : 0;
    if (this.#early > EARLY) {
      this.#ahead += early;
      this.#early = 0;
    }
    this.#armedFor = Infinity;
    this.#cancel = null;
    const now = this.now();
    let earliest = Infinity;
    for (const [ms, list] of this.#lists) {
      for (let entry = list.next; entry !== list && entry.due <= now; entry = list.next) this.#expire(entry.owner);
      if (list.next === list) this.#lists.delete(ms);
      else earliest = Math.min(earliest, list.next.due);
    }
    if (earliest < this.#armedFor) this.#arm(earliest, earliest - now);
  }

  #expire(owner: TimeoutOwner): void {
    this.remove(owner);
    owner.expired();
  }
}

const SENTINEL: TimeoutOwner = { expired() {}, entry: null };

function loop(owner: TimeoutOwner, due: number): TimeoutEntry {
  const entry = { owner, due, cancel: null } as unknown as TimeoutEntry;
  entry.previous = entry;
  entry.next = entry;
  return entry;
}
