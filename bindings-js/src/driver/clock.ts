// Time for the driver: a monotonic clock, the wall clock, and timers. Everything is looked up at each use, so that fake
// timers of a test framework work; a test may also hand in a clock of its own.

/** What the driver knows about time. All in milliseconds. */
export interface Clock {
  /** Monotonic, may have a fraction; the origin does not matter. */
  now(): number;
  /** Since 1970, as `Date.now()`. */
  wall(): number;
  /**
   * Runs `then` once after `ms` (any size) and gives back what cancels it. Where the platform knows the difference, a
   * `quiet` timer does not keep the process alive.
   */
  timer(ms: number, then: () => void, quiet: boolean): () => void;
  /** What limits of requests are measured by, where that is another clock. */
  readonly limits?: Clock;
}

const immediate = (globalThis as { setImmediate?: ((then: () => void) => void) & { clock?: unknown } }).setImmediate;

/**
 * Waits until the event loop has looked at its sockets: what a server has closed while the program was busy is then known, and
 * no request is written to it. A fake of a test framework, taken at import, would never come.
 */
export function lookAround(): Promise<void> | undefined {
  if (immediate === undefined || immediate.clock !== undefined) return undefined;
  // The first turn may be the one under way.
  return new Promise((resolve) => immediate(() => immediate(resolve)));
}

/** No platform's timer seems to fire this many ms too early; Firefox may show its clock in steps of 100 ms. */
export const EARLY = 200;

/** What setTimeout can count; beyond it fires at once. */
const LONGEST = 2 ** 31 - 1;

/** A clock by what the platform has when it is asked. */
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
        // Without a `this`: browsers refuse it.
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

/** The platform's own clock, which a test framework may set. */
export const systemClock: Clock = clockOf(globalThis);

const { clearTimeout, performance, setTimeout } = globalThis;
const started = performance?.now.bind(performance);
const real = clockOf({ clearTimeout, performance: { now: started } as Performance, setTimeout });

/** The same, for requests over real sockets: these take real time, whatever a test framework says the time is. */
export const realLimits: Clock = { ...systemClock, limits: real };
