// The body of a request that can be read only once, watched on its way: each piece keeps the attempt alive, and what the
// caller's own source throws is told apart from what the network does.

import { Attempt } from "./attempt.js";
import type { Body } from "./body.js";
import type { Stop } from "./hub.js";

/** What a source threw. */
export interface Thrown {
  readonly error: unknown;
}

/** Watches one body. */
export class Source {
  thrown: Thrown | null = null;
  readonly #attempt: Attempt | null;
  readonly #idle: number;

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
    const { pieces, stop } = own;
    const source: UnderlyingDefaultSource<unknown> = {
      pull: async (controller) => {
        const { done, value } = await this.#next(pieces);
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: async (reason) => {
        await stop(reason);
      },
    };
    // Nothing is read before the platform asks for it: asking shows that the piece before was taken.
    return new ReadableStream(source, { highWaterMark: 0 }) as Body;
  }

  /** The same pieces as an iterable. */
  iterable<T>(body: AsyncIterable<T>): AsyncIterableIterator<T> {
    const pieces = body[Symbol.asyncIterator]();
    const iterator: AsyncIterableIterator<T> = {
      next: () => this.#next(pieces) as Promise<IteratorResult<T>>,
      async return(value) {
        await pieces.return?.();
        return { done: true, value };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async #next(pieces: Pieces): Promise<Piece> {
    try {
      const piece = await pieces.next();
      this.#attempt?.alive(this.#idle, piece.done === true);
      return piece;
    } catch (error) {
      this.thrown = { error };
      throw error;
    }
  }
}

interface Piece {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

interface Pieces {
  next(): Promise<Piece>;
}

function piecesOf(body: unknown): { readonly pieces: Pieces; stop(reason: unknown): unknown } | null {
  if (typeof (body as Partial<ReadableStream>).getReader === "function") {
    const reader = (body as ReadableStream).getReader();
    return { pieces: { next: () => reader.read() }, stop: (reason) => reader.cancel(reason) };
  }
  if (!isIterable(body)) return null;
  const pieces = body[Symbol.asyncIterator]();
  return { pieces, stop: () => pieces.return?.() };
}

/** Whether a body gives its pieces one by one. */
export function isIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof (body as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === "function";
}
