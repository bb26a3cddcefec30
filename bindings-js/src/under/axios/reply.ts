// The result of one axios adapter call: a response, or the error that `validateStatus` made of one. A body in memory is
// left alone. A stream may be read in part for the decision; then a stream of the same kind replaces it that begins
// with that part.

import type { HeaderLookup } from "../../core/watched.js";
import type { Attempt } from "../../driver/attempt.js";
import { type BodyReader, type BodySource, ignore } from "../../driver/body.js";
import type { Reply } from "../../driver/call.js";
import { iterable, type RequestBody } from "../../http/request-body.js";

/** The fields of an axios response that are read here. */
export interface AxiosResponse {
  data: unknown;
  readonly status: number;
  readonly headers: unknown;
  config: unknown;
  readonly request?: unknown;
}

/** A stream that is being read. */
interface Flow {
  next: BodyReader["read"];
  stop(): void;
}

/** The methods of a stream of Node that are used here. */
interface NodeStream extends AsyncIterable<Uint8Array> {
  destroy(): void;
  on(event: "error" | "close", listener: () => void): void;
}

/** The class of streams of Node. */
interface NodeStreams {
  from(pieces: object, options: { readonly objectMode: false }): NodeStream;
}

/** One attempt's answer. */
export class AxiosReply implements Reply {
  readonly status: number;
  readonly bodyUsed = false;
  readonly response: AxiosResponse;
  /** The error that axios would reject with. */
  readonly error: object | null;
  readonly redirected: boolean;
  readonly url: string;
  readonly #pieces: Uint8Array[] = [];
  #lines: Record<string, string> | null = null;
  #flow: Flow | null = null;

  /** `url`: where a redirect led; empty = no redirect. */
  constructor(response: AxiosResponse, error: object | null, url: string) {
    this.redirected = url !== "";
    this.url = url;
    this.response = response;
    this.error = error;
    this.status = response.status;
  }

  get headers(): HeaderLookup {
    this.#lines ??= linesOf(this.response.headers);
    const lines = this.#lines;
    return { get: (name) => lines[name] ?? null };
  }

  /** Reports whether the body is in memory. */
  get whole(): boolean {
    return !isNode(this.response.data) && !isWeb(this.response.data);
  }

  get body(): BodySource | null {
    return this.whole ? null : this.#source(async () => this.stop());
  }

  clone(): { readonly body: BodySource | null } {
    const { data } = this.response;
    if (!this.whole) return { body: this.#source(async () => {}) };
    // A document, or the parsed result of a foreign adapter, cannot be read.
    const bytes = typeof data === "string" || data instanceof ArrayBuffer || ArrayBuffer.isView(data);
    return { body: bytes ? new Response(data as string).body : null };
  }

  /** Discards a stream. */
  stop(): void {
    this.#begun().stop();
  }

  /**
   * Prepares the stream for the caller: itself if it is unread and has no limit, else a replacement.
   *
   * @param read - the part that was read is all there is.
   * @param late - makes the error of a piece that took longer than `idle` ms (0 = no limit).
   */
  restore(read: boolean, attempt: Attempt | null, idle: number, late: (reason: Error) => Error): void {
    const { data } = this.response;
    if (read) attempt?.end();
    else attempt?.limit(0);
    if (this.#flow === null && idle === 0 && (attempt === null || isNode(data))) {
      if (isNode(data)) data.on("close", () => attempt?.end());
      return;
    }
    const flow = read ? ENDED : limited(this.#begun(), attempt, idle, late);
    const pieces = this.#pieces;
    const next = async (): ReturnType<BodyReader["read"]> => {
      const value = pieces.shift();
      return value === undefined ? flow.next() : { done: false, value };
    };
    this.response.data = isNode(data)
      ? nodeStream(data, { next, stop: flow.stop })
      : webStream({ next, stop: flow.stop });
  }

  #begun(): Flow {
    this.#flow ??= flowOf(this.response.data);
    return this.#flow;
  }

  #source(cancel: () => Promise<void>): BodySource {
    let at = 0;
    const read: BodyReader["read"] = async () => {
      if (at === this.#pieces.length) {
        const { done, value } = await this.#begun().next();
        if (done || value === undefined) return { done: true };
        this.#pieces.push(value);
      }
      return { done: false, value: this.#pieces[at++] };
    };
    return { cancel, getReader: () => ({ read, cancel }) };
  }
}

/** Reads headers of axios or of a plain object, in any case. */
function linesOf(headers: unknown): Record<string, string> {
  const lines: Record<string, string> = {};
  if (typeof headers !== "object" || headers === null) return lines;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && value !== null) lines[name.toLowerCase()] = String(value);
  }
  return lines;
}

const ENDED: Flow = { next: async () => ({ done: true }), stop: ignore };

function flowOf(data: unknown): Flow {
  if (isNode(data)) {
    const iterator = data[Symbol.asyncIterator]();
    // It may break without another listener.
    data.on("error", ignore);
    const next: BodyReader["read"] = async () => {
      const { done = false, value } = await iterator.next();
      return { done, value };
    };
    return { next, stop: () => data.destroy() };
  }
  if (!isWeb(data)) return ENDED;
  const reader = data.getReader();
  return { next: () => reader.read(), stop: () => void reader.cancel().catch(ignore) };
}

/** Adds a limit between two pieces. */
function limited(flow: Flow, attempt: Attempt | null, idle: number, late: (reason: Error) => Error): Flow {
  const stop = (): void => {
    attempt?.end();
    flow.stop();
  };
  const next: BodyReader["read"] = async () => {
    if (idle > 0) attempt?.limit(idle);
    try {
      const piece = await flow.next();
      if (piece.done) attempt?.end();
      else attempt?.limit(0);
      return piece;
    } catch (error) {
      attempt?.end();
      throw attempt?.timedOut === true ? late(attempt.reason as Error) : error;
    }
  };
  return { next, stop };
}

/** Returns a stream of the same kind that reads each piece through `source`; else the data itself. */
export function sentThrough(source: RequestBody, data: unknown): unknown {
  if (isWeb(data)) return source.stream(data);
  if (!isNode(data)) return data;
  const pieces = iterable(source, data);
  return nodeStream(data, { next: () => pieces.next(), stop: () => data.destroy() } as Flow);
}

/** Returns a stream of Node that yields other pieces; other data is returned itself. */
export function withPieces(
  data: unknown,
  pieces: (own: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array, void>,
): unknown {
  if (!isNode(data)) return data;
  // It may break without another listener.
  data.on("error", ignore);
  const made = pieces(data);
  const next: BodyReader["read"] = async () => {
    const { done = false, value } = await made.next();
    return { done, value: value ?? undefined };
  };
  const stop = (): void => {
    void made.return();
    data.destroy();
  };
  return nodeStream(data, { next, stop });
}

/** Makes a stream of Node by the class of another one, so that nothing is imported. */
function nodeStream(like: NodeStream, { next, stop }: Flow): NodeStream {
  let at = Object.getPrototypeOf(like) as { constructor: { readonly name: string } };
  while (at.constructor.name !== "Readable" && Object.getPrototypeOf(at) !== null) at = Object.getPrototypeOf(at);
  const leave = async (): Promise<{ done: true }> => {
    stop();
    return { done: true };
  };
  const iterator = { next, return: leave, [Symbol.asyncIterator]: () => iterator };
  return (at.constructor as unknown as NodeStreams).from(iterator, { objectMode: false });
}

function webStream({ next, stop }: Flow): ReadableStream<Uint8Array> {
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const { done, value } = await next();
      if (done || value === undefined) controller.close();
      else controller.enqueue(value);
    },
    cancel: stop,
  };
  // Nothing is read before it is asked for.
  return new ReadableStream(source, { highWaterMark: 0 });
}

function isNode(data: unknown): data is NodeStream {
  return typeof (data as { pipe?: unknown } | null)?.pipe === "function";
}

function isWeb(data: unknown): data is ReadableStream<Uint8Array> {
  return typeof (data as { getReader?: unknown } | null)?.getReader === "function";
}
