// Node's fetch, seen from beneath: the dispatcher that it sends by, with a look at the end of compressed bodies (coded.ts) and
// at where redirects lead. Other platforms' fetches have no such place, and are left alone.

import { CUT, codingOf, Wholeness } from "./compressed.js";

/** What Node's fetch hands to a dispatcher, in the form of undici 6 and 7, or that of 8. */
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

/** What is seen of one attempt. */
export interface Seen {
  /** Requests that were handed to the dispatcher: more than one after a redirect. */
  hops: number;
  /** Where the last of them went. */
  origin: string;
  /** Of the last answer's head; 0 = none came. */
  status: number;
  /** Its headers in the platform's form. */
  raw: readonly Uint8Array[] | Lines;
}

/** A dispatcher of undici's. */
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
  // Node loads its fetch when one of the classes is first asked for.
  if (scope[GLOBAL] === undefined) void globalThis.Response;
  return scope[GLOBAL];
}

const guardedGlobal: Dispatcher = {
  dispatch: (options, handler) => (globalDispatcher() as Dispatcher).dispatch(options, guarded(handler)),
  get isMockActive() {
    return globalDispatcher()?.isMockActive === true;
  },
};

/** What to hand to Node's fetch as its `dispatcher`, in place of `given` or the global one; undefined elsewhere. */
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

/** Looks at the answer's headers; the handler has no more to do with it where nothing is compressed. */
function guarded(handler: Handler, seen?: Seen): Handler {
  const { onHeaders, onResponseStart } = handler;
  if (onHeaders !== undefined) {
    handler.onHeaders = (status, raw, resume, text) => {
      if (seen !== undefined) note(seen, status, raw);
      const coding = status < 200 ? null : codingOf(valueIn(raw));
      if (coding !== null) watch(handler, coding, OLD);
      return onHeaders.call(handler, status, raw, resume, text);
    };
  } else if (onResponseStart !== undefined) {
    handler.onResponseStart = (controller, status, lines, text) => {
      if (seen !== undefined) note(seen, status, lines);
      const coding = status < 200 ? null : codingOf(String(lines[NAME] ?? ""));
      if (coding !== null) watch(handler, coding, NEW);
      return onResponseStart.call(handler, controller, status, lines, text);
    };
  }
  return handler;
}

function note(seen: Seen, status: number, raw: Seen["raw"]): void {
  seen.status = status;
  seen.raw = raw;
}

/** The headers that were seen, by lower-case name. */
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

/** The last argument of each of the three is what counts, in both forms. */
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
    whole.drop();
    return onError?.apply(handler, given);
  };
}

const OLD = ["onData", "onComplete", "onError"] as const;
const NEW = ["onResponseData", "onResponseEnd", "onResponseError"] as const;
