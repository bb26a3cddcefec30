// Time limits of attempts and of reads, at the price of one timer for a whole client: one list per length of limit (so
// each is in order of falling due by itself) and one timer, armed only for an earlier due time than the one it has.

import { type Clock, EARLY } from "./clock.js";

/** Something with a time limit. A list holds it until it is removed or expires: it must not hold a Response. */
export interface Watched {
  /** The limit has passed; already off its list. */
  expired(): void;
  link: Link | null;
}

/** A place in a list. */
export interface Link {
  readonly owner: Watched;
  readonly due: number;
  previous: Link;
  next: Link;
  cancel: (() => void) | null;
}

let perRequest = false;

/** For platforms where a timer made in one request never fires in another: each limit then owns a timer. */
export function timersPerRequest(): void {
  perRequest = true;
}

/** The limits of one client. */
export class Watch {
  readonly #clock: Clock;
  readonly #lists = new Map<number, Link>();
  #armedFor = Infinity;
  /** How far a test framework has gone ahead of the clock, by its timers alone. */
  #ahead = 0;
  /** By how much the timers since the last one in time seem to have fired too early, together. */
  #early = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.#ahead;
  }

  /** Starts a limit of `ms` for `owner`, in place of the one it has. */
  add(owner: Watched, ms: number): void {
    this.remove(owner);
    const due = this.now() + ms;
    if (perRequest) {
      owner.link = loop(owner, due);
      owner.link.cancel = this.#clock.timer(ms, () => this.#expire(owner), true);
      return;
    }
    const list = this.#list(ms);
    const last = list.previous;
    const link: Link = { owner, due, previous: last, next: list, cancel: null };
    last.next = link;
    list.previous = link;
    owner.link = link;
    if (due < this.#armedFor) this.#arm(due, ms);
  }

  /** Ends the limit of `owner`, if it has one. */
  remove(owner: Watched): void {
    const link = owner.link;
    if (link === null) return;
    owner.link = null;
    link.cancel?.();
    link.previous.next = link.next;
    link.next.previous = link.previous;
  }

  #list(ms: number): Link {
    let list = this.#lists.get(ms);
    if (list === undefined) {
      list = loop(nobody, Infinity);
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
      for (let link = list.next; link !== list && link.due <= now; link = list.next) this.#expire(link.owner);
      if (list.next === list) this.#lists.delete(ms);
      else earliest = Math.min(earliest, list.next.due);
    }
    if (earliest < this.#armedFor) this.#arm(earliest, earliest - now);
  }

  #expire(owner: Watched): void {
    this.remove(owner);
    owner.expired();
  }
}

const nobody: Watched = { expired() {}, link: null };

function loop(owner: Watched, due: number): Link {
  const link = { owner, due, cancel: null } as unknown as Link;
  link.previous = link;
  link.next = link;
  return link;
}
