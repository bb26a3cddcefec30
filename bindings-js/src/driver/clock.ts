// Time for the driver: a monotonic clock, the wall clock, and timers. Each is looked up at every use, so that fake
// timers of a test framework work. A test may also pass a clock of its own.

/** The clock of the driver. All in milliseconds. */
export interface Clock {
  /** Returns monotonic time, possibly with a fraction; the origin does not matter. */
  now(): number;
  /** Returns the time since 1970, as `Date.now()`. */
  wall(): number;
  /**
   * Runs `then` once after `ms` (any size) and returns a function that cancels it. Where the platform supports it, a
   * `quiet` timer does not keep the process alive.
   */
  timer(ms: number, then: () => void, quiet: boolean): () => void;
  /** The clock for time limits of requests, if it is another one. */
  readonly limits?: Clock;
}

const immediate = (globalThis as { setImmediate?: ((then: () => void) => void) & { clock?: unknown } }).setImmediate;

/**
 * Waits until the event loop has polled its sockets. Then a connection that the server closed while the program was
 * busy is known, and no request is written to it. Skipped under a fake setImmediate, which would never fire.
 */
export function nextPoll(): Promise<void> | undefined {
  if (immediate === undefined || immediate.clock !== undefined) return undefined;
  // The first turn may be the current one.
  return new Promise((resolve) => immediate(() => immediate(resolve)));
}

/** More ms than any platform's timer fires too early; Firefox may show its clock in steps of 100 ms. */
export const EARLY = 200;

/** The longest delay of setTimeout; a longer one fires at once. */
const LONGEST = 2 ** 31 - 1;

/** Makes a clock of the platform's functions. */
function clockOf(scope: Pick<typeof globalThis, "clearTimeout" | "performance" | "setTimeout">): Clock {
  return {
    now: () => scope.performance.now(),
    wall: () => Date.now(),
    timer(ms, then, quiet) {
      let left = ms;
      let handle: unknown;
      const arm = (): void => {
        const piece = Math.min(left, LONGEST);
        left -= piece;
        // Called without a `this`: browsers refuse one.
        const { setTimeout } = scope;
        handle = setTimeout(left > 0 ? arm : then, piece);
        if (quiet) (handle as { unref?: () => void }).unref?.();
      };
      arm();
      const { clearTimeout } = scope;
      return () => clearTimeout(handle as number);
    },
  };
}

/** The platform's clock, which a test framework may set. */
export const systemClock: Clock = clockOf(globalThis);

const { clearTimeout, performance, setTimeout } = globalThis;
const started = performance?.now.bind(performance);
const real = clockOf({ clearTimeout, performance: { now: started } as Performance, setTimeout });

/**
 * The platform's clock, with real time for the limits of requests: real sockets take real time under any test
 * framework.
 */
export const realLimits: Clock = { ...systemClock, limits: real };
