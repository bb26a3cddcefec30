// The body of a request that can be read only once. Each piece extends the attempt's time limit. An error of the
// caller's own source is kept apart from errors of the network.

import { Attempt } from "../driver/attempt.js";
import type { Thrown } from "../driver/call.js";
import type { AbortSignalLike } from "../driver/signals.js";
import { type Body, isIterable } from "./upload.js";

/** One such body. */
export class RequestBody {
  thrown: Thrown | null = null;
  readonly #attempt: Attempt | null;
  readonly #idle: number;
  /** The caller's source; null = not begun, or over. */
  own: Own | null = null;

  /** Each piece extends the limit of `stop` by `idle` ms. */
  constructor(stop: AbortSignalLike | null, idle: number) {
    this.#attempt = stop instanceof Attempt ? stop : null;
    this.#idle = idle;
  }

  /** Returns the same pieces as a web stream. A body of another kind, or one in use, is returned itself. */
  stream(body: Body): Body {
    const { locked } = body as Partial<ReadableStream>;
    const own = locked === true ? null : piecesOf(body);
    if (own === null) return body;
    this.own = own;
    const source: UnderlyingDefaultSource<unknown> = {
      pull: async (controller) => {
        const { done, value } = await this.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => this.end(reason),
    };
    // Nothing is read before the platform asks: its next request shows that the previous piece was taken.
    return new ReadableStream(source, { highWaterMark: 0 }) as Body;
  }

  /** Ends the caller's source, once. */
  async end(reason?: unknown): Promise<void> {
    const own = this.own;
    this.own = null;
    await own?.stop(reason);
  }

  async next(): Promise<Piece> {
    try {
      const piece = (await this.own?.pieces.next()) ?? { done: true };
      if (piece.done === true) this.own = null;
      this.#attempt?.extend(this.#idle, piece.done === true);
      return piece;
    } catch (error) {
      this.own = null;
      this.thrown = { error };
      throw error;
    }
  }
}

/** Returns the same pieces through `source`, as an iterable. */
export function iterable<T>(source: RequestBody, body: AsyncIterable<T>): AsyncIterableIterator<T> {
  source.own = iterated(body);
  const iterator: AsyncIterableIterator<T> = {
    next: () => source.next() as Promise<IteratorResult<T>>,
    async return(value) {
      await source.end();
      return { done: true, value };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

interface Piece {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

interface Pieces {
  next(): Promise<Piece>;
}

interface Own {
  readonly pieces: Pieces;
  stop(reason: unknown): unknown;
}

function piecesOf(body: unknown): Own | null {
  if (typeof (body as Partial<ReadableStream>).getReader === "function") {
    const reader = (body as ReadableStream).getReader();
    return { pieces: { next: () => reader.read() }, stop: (reason) => reader.cancel(reason) };
  }
  return isIterable(body) ? iterated(body) : null;
}

function iterated(body: AsyncIterable<unknown>): Own {
  const pieces = body[Symbol.asyncIterator]();
  return { pieces, stop: () => (isNode(body) ? destroy(body) : pieces.return?.()) };
}

/** A stream of Node. Its iterator does not close a stream that was never read. */
interface NodeStream {
  destroy(): unknown;
  readonly httpVersion?: string;
}

function isNode(body: unknown): body is NodeStream {
  const { pipe, destroy } = (body ?? {}) as { pipe?: unknown; destroy?: unknown };
  return typeof pipe === "function" && typeof destroy === "function";
}

/** Destroys a stream, except a server's incoming request: its socket carries the answer. */
function destroy(body: NodeStream): void {
  if (body.httpVersion === undefined) body.destroy();
}

/**
 * Releases the body of a request that will not be read: cancels a web stream, destroys a stream of Node, ends an
 * iterator. Other bodies hold nothing. `source`: the wrapper through which the body was sent, if any.
 */
export async function release(body: unknown, reason?: unknown, source: RequestBody | null = null): Promise<void> {
  try {
    if (source !== null) await source.end(reason);
    else if (isNode(body)) destroy(body);
    else await piecesOf(body ?? "")?.stop(reason);
  } catch {
    // Errors while a source closes are ignored.
  }
}
