// The body of a request that can be read only once, watched on its way: each piece keeps the attempt alive, and what the
// caller's own source throws is told apart from what the network does.

import { Attempt } from "../driver/attempt.js";
import type { Thrown } from "../driver/call.js";
import type { Stop } from "../driver/signals.js";
import { type Body, isIterable } from "./upload.js";

/** Watches one body. */
export class RequestBody {
  thrown: Thrown | null = null;
  readonly #attempt: Attempt | null;
  readonly #idle: number;
  /** The caller's source; null = it is not begun, or over. */
  own: Own | null = null;

  /** Each piece keeps `stop` alive for `idle` ms. */
  constructor(stop: Stop | null, idle: number) {
    this.#attempt = stop instanceof Attempt ? stop : null;
    this.#idle = idle;
  }

  /** The same pieces as a web stream; the body itself where it is of another kind, or was used before. */
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
    // Nothing is read before the platform asks for it: asking shows that the piece before was taken.
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
      this.#attempt?.alive(this.#idle, piece.done === true);
      return piece;
    } catch (error) {
      this.own = null;
      this.thrown = { error };
      throw error;
    }
  }
}

/** The same pieces through `source`, as an iterable. */
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

/** A stream of Node; its iterator leaves one open that was never read. */
interface NodeStream {
  destroy(): unknown;
  readonly httpVersion?: string;
}

function isNode(body: unknown): body is NodeStream {
  const { pipe, destroy } = (body ?? {}) as { pipe?: unknown; destroy?: unknown };
  return typeof pipe === "function" && typeof destroy === "function";
}

/** A server's incoming request is left open: its socket carries the answer. */
function destroy(body: NodeStream): void {
  if (body.httpVersion === undefined) body.destroy();
}

/**
 * Lets the body of a request go that nobody will read: a web stream is cancelled, a stream of Node destroyed, an iterator
 * ended. Other bodies hold nothing. `source`: what the body was sent through, if it was.
 */
export async function release(body: unknown, reason?: unknown, source: RequestBody | null = null): Promise<void> {
  try {
    if (source !== null) await source.end(reason);
    else if (isNode(body)) destroy(body);
    else await piecesOf(body ?? "")?.stop(reason);
  } catch {
    // What a source does when it is let go is nobody's to hear of.
  }
}
