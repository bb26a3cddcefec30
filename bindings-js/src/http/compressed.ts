// Checks whether a compressed body is complete. The decoders of Node's fetch and of axios pass a truncated stream as if
// it were whole. So its bytes are decoded a second time, strictly, where there is a Content-Encoding and Node's zlib.

import { ignore, joined } from "../driver/body.js";

/** A decoder of Node, as far as it is used here. */
interface Decoder {
  on(event: "error", listener: (error: Coded) => void): Decoder;
  on(event: "end", listener: () => void): Decoder;
  resume(): void;
  write(piece: Uint8Array): void;
  end(): void;
  destroy(): void;
}

interface Coded {
  readonly code?: unknown;
}

type Sync = (bytes: Uint8Array, options: { readonly maxOutputLength?: number }) => Uint8Array;

/** The module `node:zlib`: a class and its synchronous form for each coding, by name. */
type Zlib = Readonly<Record<string, unknown>>;

/** The message for a truncated body. */
export const CUT = "the compressed body ends before its stream does";

/** Beyond this many compressed bytes the check runs piece by piece, beside the caller's own reading. */
const AT_ONCE = 65536;
/** A small body that decodes to more than this is checked piece by piece as well. */
const GROWN = 1 << 20;

const NAMES: Readonly<Record<string, string>> = {
  gzip: "Gunzip",
  "x-gzip": "Gunzip",
  deflate: "Inflate",
  br: "BrotliDecompress",
  zstd: "ZstdDecompress",
};

/** Codings that fetch ignores and axios decodes as gzip or deflate, which zlib tells apart itself. */
export const OF_AXIOS: Readonly<Record<string, string>> = { compress: "Unzip", "x-compress": "Unzip" };

const NONE: Readonly<Record<string, string>> = {};

/** An empty raw stream: decoding it takes a turn of the event loop, even under fake timers. */
const EMPTY = Uint8Array.of(3, 0);

let zlib: Zlib | null | undefined;

function nodes(): Zlib | null {
  zlib ??= (builtin("node:zlib") as Zlib | undefined) ?? null;
  return zlib;
}

function builtin(name: string): unknown {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.(name);
}

/** Returns the decoder's name for the last coding of a header, if this platform has it. */
export function codingOf(header: string | null | undefined, more = NONE): string | null {
  if (!header) return null;
  const last = header
    .slice(header.lastIndexOf(",") + 1)
    .trim()
    .toLowerCase();
  const name = NAMES[last] ?? more[last];
  return name !== undefined && nodes()?.[`create${name}`] !== undefined ? name : null;
}

/** The check of one body. */
export class Wholeness {
  readonly #name: string;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #decoder: Decoder | null = null;
  #then: ((cut: boolean) => void) | null = null;
  #ended: boolean | null = null;

  /** `name`: of {@link codingOf}. */
  constructor(name: string) {
    this.#name = name;
  }

  add(piece: Uint8Array): void {
    this.#size += piece.byteLength;
    if (this.#decoder !== null) this.#decoder.write(piece);
    else {
      this.#pieces.push(piece);
      if (this.#size > AT_ONCE) this.#begin();
    }
  }

  /** Ends the check. A truncation is reported in a later turn, since the answer's reader may not be there yet. */
  end(then: (cut: boolean) => void): void {
    const cut = this.#size === 0 ? false : this.#decoder === null ? this.#small() : this.#ended;
    if (cut === false) then(false);
    else if (cut === null) {
      if (this.#decoder === null) this.#begin();
      this.#then = then;
      this.#decoder?.end();
    } else void decode("InflateRaw", EMPTY, 0).finally(() => then(true));
  }

  /** Discards the check. */
  discard(): void {
    this.#decoder?.destroy();
    this.#pieces = [];
  }

  /** Checks a small body at once; null = too large for that. */
  #small(): boolean | null {
    try {
      decoded(this.#named(), joined(this.#pieces, this.#size), GROWN);
      return false;
    } catch (error) {
      return (error as Coded).code === "ERR_BUFFER_TOO_LARGE" ? null : isCut(error);
    }
  }

  #begin(): void {
    const create = nodes()?.[`create${this.#named()}`] as () => Decoder;
    const decoder = create();
    // Bytes after the stream's end, and other formats, are for the platform to judge.
    decoder.on("error", (error) => this.#over(isCut(error))).on("end", () => this.#over(false));
    decoder.resume();
    for (const piece of this.#pieces) decoder.write(piece);
    this.#pieces = [];
    this.#decoder = decoder;
  }

  #over(cut: boolean): void {
    this.#ended = cut;
    this.#then?.(cut);
    this.#then = null;
  }

  #named(): string {
    return raw(this.#name, this.#pieces[0]);
  }
}

/** Returns the decoder for "deflate" with or without its head, which some servers omit. */
function raw(name: string, first: Uint8Array | undefined): string {
  return name === "Inflate" && ((first?.[0] ?? 8) & 15) !== 8 ? "InflateRaw" : name;
}

function decoded(name: string, bytes: Uint8Array, most: number): Uint8Array {
  const key = `${name[0]?.toLowerCase()}${name.slice(1)}Sync`;
  return (nodes()?.[key] as Sync)(bytes, { maxOutputLength: most });
}

/** Decodes a whole body, strictly. @throws what Node's zlib throws; see {@link isCut}. */
export function decode(name: string, bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const own = raw(name, bytes);
  const key = `${own[0]?.toLowerCase()}${own.slice(1)}`;
  const run = nodes()?.[key] as (
    bytes: Uint8Array,
    options: { readonly maxOutputLength?: number },
    then: (error: unknown, out: Uint8Array) => void,
  ) => void;
  return new Promise((resolve, reject) => {
    const options = most > 0 ? { maxOutputLength: most } : {};
    run(bytes, options, (error, out) => (error ? reject(error) : resolve(out)));
  });
}

/** Decodes a body piece by piece, strictly. @throws as {@link decode}, to its reader. */
export async function* decoding(name: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (first.done === true) return;
  const create = nodes()?.[`create${raw(name, first.value)}`] as () => AsyncIterable<Uint8Array>;
  const decoder = create();
  const all = async function* (): AsyncGenerator<Uint8Array> {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  const { pipeline } = builtin("node:stream") as { pipeline(from: object, to: object, then: () => void): void };
  pipeline(all(), decoder, ignore);
  yield* decoder;
}

/** Reports whether a decoder's error means a truncated stream. */
export function isCut(error: unknown): boolean {
  return (error as Coded).code === "Z_BUF_ERROR";
}
