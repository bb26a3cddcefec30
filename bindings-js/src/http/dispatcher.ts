// The dispatcher below Node's fetch. It checks the end of compressed bodies (compressed.ts) and records where redirects
// lead. Other platforms' fetches have no dispatcher, and are left alone.

import { CUT, codingOf, Wholeness } from "./compressed.js";

/** The handler that Node's fetch passes to a dispatcher, in the form of undici 6 and 7, or of 8. */
interface Handler {
  onHeaders?(status: number, raw: readonly Uint8Array[], resume: unknown, text: unknown): unknown;
  onData?(piece: Uint8Array): unknown;
  onComplete?(trailers: unknown): unknown;
  onError?(error: unknown): unknown;
  onResponseStart?(controller: unknown, status: number, lines: Lines, text: unknown): unknown;
  onResponseData?(controller: unknown, piece: Uint8Array): unknown;
  onResponseEnd?(controller: unknown, trailers: unknown): unknown;
  onResponseError?(controller: unknown, error: unknown): unknown;
}

type Lines = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Observations of one attempt. */
export interface Seen {
  /** Requests passed to the dispatcher: more than one after a redirect. */
  hops: number;
  /** The origin of the last one. */
  origin: string;
  /** The status of the last answer; 0 = none came. */
  status: number;
  /** Its headers in the platform's form. */
  raw: readonly Uint8Array[] | Lines;
}

/** A dispatcher of undici. */
export interface Dispatcher {
  dispatch(options: { readonly origin?: unknown }, handler: Handler): boolean;
  readonly isMockActive?: boolean;
}

const NAME = "content-encoding";
const major = (globalThis as { process?: { versions?: { undici?: string } } }).process?.versions?.undici;
const GLOBAL = Symbol.for(`undici.globalDispatcher.${Number.parseInt(major ?? "0", 10) >= 8 ? 2 : 1}`);

function globalDispatcher(): Dispatcher | undefined {
  if (major === undefined) return undefined;
  const scope = globalThis as { [GLOBAL]?: Dispatcher };
  // Node loads its fetch at the first use of one of the classes.
  if (scope[GLOBAL] === undefined) void globalThis.Response;
  return scope[GLOBAL];
}

const guardedGlobal: Dispatcher = {
  dispatch: (options, handler) => (globalDispatcher() as Dispatcher).dispatch(options, guarded(handler)),
  get isMockActive() {
    return globalDispatcher()?.isMockActive === true;
  },
};

/** Returns the `dispatcher` for Node's fetch, in place of `given` or the global one; undefined on other platforms. */
export function guardedDispatcher(given: Dispatcher | undefined, seen?: Seen): Dispatcher | undefined {
  const inner = given ?? globalDispatcher();
  if (inner === undefined || major === undefined) return given;
  if (given === undefined && seen === undefined) return guardedGlobal;
  return {
    dispatch(options, handler) {
      if (seen !== undefined) {
        seen.hops++;
        seen.origin = String(options.origin);
        seen.status = 0;
      }
      return inner.dispatch(options, guarded(handler, seen));
    },
    isMockActive: inner.isMockActive === true,
  };
}

/** Wraps a handler so that the answer's headers are seen, and its body too if it is compressed. */
function guarded(handler: Handler, seen?: Seen): Handler {
  const { onHeaders, onResponseStart } = handler;
  if (onHeaders !== undefined) {
    handler.onHeaders = (status, raw, resume, text) => {
      if (seen !== undefined) storeHead(seen, status, raw);
      const coding = status < 200 ? null : codingOf(valueIn(raw));
      if (coding !== null) watch(handler, coding, OLD);
      return onHeaders.call(handler, status, raw, resume, text);
    };
  } else if (onResponseStart !== undefined) {
    handler.onResponseStart = (controller, status, lines, text) => {
      if (seen !== undefined) storeHead(seen, status, lines);
      const coding = status < 200 ? null : codingOf(String(lines[NAME] ?? ""));
      if (coding !== null) watch(handler, coding, NEW);
      return onResponseStart.call(handler, controller, status, lines, text);
    };
  }
  return handler;
}

function storeHead(seen: Seen, status: number, raw: Seen["raw"]): void {
  seen.status = status;
  seen.raw = raw;
}

/** Returns the observed headers, by lower-case name. */
export function linesOf({ raw }: Seen): object {
  if (!Array.isArray(raw)) return raw;
  const lines: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) lines[String(raw[at]).toLowerCase()] = String(raw[at + 1]);
  return lines;
}

function valueIn(raw: readonly Uint8Array[]): string | null {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] as Uint8Array;
    if (name.length === NAME.length && String(name).toLowerCase() === NAME) return String(raw[at + 1]);
  }
  return null;
}

/** Checks a compressed body. The last argument of each of the three methods is the one that counts, in both forms. */
function watch(handler: Handler, coding: string, names: readonly [keyof Handler, keyof Handler, keyof Handler]): void {
  const all = handler as unknown as Record<string, ((...given: unknown[]) => unknown) | undefined>;
  const [data, end, fail] = names;
  const { [data]: onData, [end]: onEnd, [fail]: onError } = all;
  const whole = new Wholeness(coding);
  all[data] = (...given) => {
    whole.add(given.at(-1) as Uint8Array);
    return onData?.apply(handler, given);
  };
  all[end] = (...given) =>
    whole.end((cut) => {
      if (cut) onError?.apply(handler, [...given.slice(0, -1), new Error(CUT)]);
      else onEnd?.apply(handler, given);
    });
  all[fail] = (...given) => {
    whole.discard();
    return onError?.apply(handler, given);
  };
}

const OLD = ["onData", "onComplete", "onError"] as const;
const NEW = ["onResponseData", "onResponseEnd", "onResponseError"] as const;
