// A clock that the test moves, for the unit tests and the torture, in Node and in a page.

/** Waits until every promise has settled that needs no time. */
export async function settled(hops = 20) {
  for (let i = 0; i < hops; i++) await hop();
}

/** Waits one turn of the event loop. */
const hop = typeof setImmediate === "function" ? () => new Promise((resolve) => setImmediate(resolve)) : channel();

/** Makes `hop` for pages, by a message channel: timers are delayed there. */
function channel() {
  const { port1, port2 } = new MessageChannel();
  const waiting = [];
  port1.onmessage = () => waiting.shift()();
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port2.postMessage(null);
    });
}

/** A virtual clock: `now` and timers, in milliseconds. */
export class TestClock {
  time = 1000;
  unix = 1_767_225_600_000;
  #timers = new Set();

  now() {
    return this.time;
  }

  wall() {
    return this.unix + this.time - 1000;
  }

  timer(ms, then, quiet) {
    const timer = { due: this.time + ms, then, quiet };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Returns the timers that are set. `quiet`: the timer does not keep the process alive. */
  get pending() {
    return [...this.#timers];
  }

  /** Returns the timer that is due first, if it is due by `end`. */
  next(end = Infinity) {
    let first;
    for (const timer of this.#timers) {
      if (timer.due <= end && (first === undefined || timer.due < first.due)) first = timer;
    }
    return first;
  }

  /** Moves on to a timer and fires it. */
  fire(timer) {
    this.#timers.delete(timer);
    this.time = Math.max(this.time, timer.due);
    timer.then();
  }

  /** Settles what needs no time, then moves on by `ms` and fires the timers that are due. */
  async pass(ms) {
    const end = this.time + ms;
    await settled();
    for (let timer = this.next(end); timer !== undefined; timer = this.next(end)) {
      this.fire(timer);
      await settled();
    }
    this.time = end;
    await settled();
  }
}
