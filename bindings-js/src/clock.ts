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

/** What setTimeout can count; beyond it fires at once. */
const LONGEST = 2 ** 31 - 1;

/** The platform's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  timer(ms, then, quiet) {
    let left = ms;
    let handle: unknown;
    const arm = (): void => {
      const piece = Math.min(left, LONGEST);
      left -= piece;
      handle = setTimeout(left > 0 ? arm : then, piece);
      if (quiet) (handle as { unref?: () => void }).unref?.();
    };
    arm();
    return () => clearTimeout(handle as number);
  },
};
