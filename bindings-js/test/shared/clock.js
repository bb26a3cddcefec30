// A clock that moves only when told to; for the unit tests and for the torture, in Node and in a page.

/** Until every promise that can settle without time passing has done so. */
export async function settled(hops = 20) {
  for (let i = 0; i < hops; i++) await hop();
}

/** One turn of the event loop. */
const hop = typeof setImmediate === "function" ? () => new Promise((resolve) => setImmediate(resolve)) : channel();

/** A page has nothing as quick: timers are made to wait there. */
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

  /** Timers that are set, and of those the ones that keep the process alive. */
  get pending() {
    return [...this.#timers];
  }

  /** The timer that falls due first, of those that do so by `end`. */
  next(end = Infinity) {
    let first;
    for (const timer of this.#timers) {
      if (timer.due <= end && (first === undefined || timer.due < first.due)) first = timer;
    }
    return first;
  }

  /** Moves on to a timer and lets it happen. */
  fire(timer) {
    this.#timers.delete(timer);
    this.time = Math.max(this.time, timer.due);
    timer.then();
  }

  /** Lets everything happen that can happen now, then moves on by `ms`, firing what falls due on the way. */
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
