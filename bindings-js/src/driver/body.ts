// How the driver reads the body of an answer: whole or its first bytes, within the limits of its attempt.

/** A body as the driver reads it; a ReadableStream is one. */
export interface BodySource {
  getReader(): BodyReader;
  cancel(): Promise<unknown>;
}

/** Reads a {@link BodySource} piece by piece. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<unknown>;
}

/** The limit and the abort of a body that is read. */
export interface ReadLimits {
  readonly aborted: boolean;
  readonly reason: unknown;
  /** Starts a limit of `ms` for the next piece; 0 = the piece came. */
  limit(ms: number): void;
}

/** An empty body. */
export const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** The error of a `fetch` option that returned no Response, or one whose body is no web stream. */
export class NoResponse extends TypeError {}

/** A body larger than the policy's `maxBody`. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
  constructor(max: number) {
    super(`the body is larger than maxBody (${max} bytes)`);
  }
}

/**
 * Reads a body whole. `idle` > 0 starts that limit anew for each piece; else the running limit runs on.
 *
 * @throws TooLarge beyond `max` bytes, else the error of the platform's reader, or the reason of the abort.
 */
export async function readWhole(
  body: BodySource,
  max: number,
  limits: ReadLimits | null,
  idle = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof body?.getReader !== "function") {
    throw new NoResponse("the fetch option is no standard fetch: the body of its Response is no ReadableStream");
  }
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      if (idle > 0) limits?.limit(idle);
      const { done, value } = await reader.read();
      if (idle > 0) limits?.limit(0);
      if (done || value === undefined) return joined(pieces, size);
      size += value.byteLength;
      if (size > max) {
        void reader.cancel().catch(ignore);
        throw new TooLarge(max);
      }
      pieces.push(value);
    }
  } catch (error) {
    // Some platforms replace the reason by an error of their own.
    throw limits?.aborted === true ? limits.reason : error;
  }
}

/** The holder of the current reader, which can cancel it. */
interface Reading {
  reader: BodyReader | null;
}

/** Reads at most `max` bytes and discards the rest. Never throws: an error or an abort ends the reading. */
export async function readPrefix(body: BodySource, max: number, reading?: Reading): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = body.getReader();
    if (reading !== undefined) reading.reader = reader;
    while (size < max) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return joined(pieces, size);
      const piece = value.byteLength > max - size ? value.subarray(0, max - size) : value;
      pieces.push(piece);
      size += piece.byteLength;
    }
    void reader.cancel().catch(ignore);
  } catch {
    // The bytes so far are the result.
  }
  return joined(pieces, size);
}

/** Joins pieces into one array. */
export function joined(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const first = pieces[0];
  if (pieces.length === 1 && first !== undefined && first.byteLength === first.buffer.byteLength) {
    return first as Uint8Array<ArrayBuffer>;
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.byteLength;
  }
  return out;
}

/** Does nothing: the handler of promises whose failure changes nothing. */
export function ignore(): void {}
