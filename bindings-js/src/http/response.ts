// The platform's own Response, with the body's part of the job put in by a prototype between it and Response.prototype:
// pieces are read under the idle limit, a body that was read already is served from memory. `instanceof`, url, type and
// headers stay native; wrapping in a new Response would lose them.

import type { Attempt } from "../driver/attempt.js";
import { read } from "../driver/body.js";
import { type Account, type Recorded, recorded } from "../driver/record.js";

/** What is known about a response that was handed out. */
export interface Note extends Recorded {
  /** Stops the body; null = nothing to stop. */
  readonly attempt: Attempt | null;
  /** Limit in ms between two pieces of the body; 0 = none. */
  readonly idle: number;
  /** The body, if it was read already. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  /** Stands in for the body where someone asks for the stream of one that was read. */
  twin?: Response;
  stream?: ReadableStream<Uint8Array<ArrayBuffer>>;
  used?: boolean;
}

/** Of the responses among them: only this file hands those out. */
const notes = recorded as WeakMap<object, Note>;
// A response that the program lets go of unread must not stay known to the caller's signal.
const backstop =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : new FinalizationRegistry<Attempt>((attempt) => attempt.end());

/** Hands out a response: one whose body was read if there are `bytes`, else one whose body is still to come. */
export function hand(
  response: Response,
  bytes: Uint8Array<ArrayBuffer> | null,
  attempt: Attempt | null,
  idle: number,
  of: Account,
): Response {
  if (bytes === null) return live(response, attempt, idle, of);
  attempt?.end();
  return held(response, bytes, of);
}

function live(response: Response, attempt: Attempt | null, idle: number, of: Account): Response {
  const nothingToStop = attempt === null || response.body === null || (idle === 0 && !attempt.followed);
  if (nothingToStop || !swap(response)) {
    attempt?.end();
    notes.set(response, { account: of, attempt: null, idle: 0, bytes: null });
    return response;
  }
  attempt.limit(0);
  notes.set(response, { account: of, attempt, idle, bytes: null });
  if (attempt.followed) backstop?.register(response, attempt);
  return response;
}

/** Hands out a response whose body was read. */
export function held(response: Response, bytes: Uint8Array<ArrayBuffer>, of: Account): Response {
  let out = response;
  if (response.body !== null && !swap(response)) {
    const { status, statusText, headers } = response;
    out = new Response(bytes, { status, statusText, headers });
  }
  notes.set(out, { account: of, attempt: null, idle: 0, bytes });
  return out;
}

/** The bytes that were read before a response was handed out. */
export function bytesOf(response: Response): Uint8Array<ArrayBuffer> | null {
  return notes.get(response)?.bytes ?? null;
}

/** The whole body, through the limits of its note. */
async function consume(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const note = notes.get(response);
  if (note === undefined) return new Uint8Array(await native(response).arrayBuffer.call(response));
  if (note.twin !== undefined) return new Uint8Array(await note.twin.arrayBuffer());
  if (note.bytes !== null) {
    if (note.used === true) throw new TypeError("Body is unusable: it has already been read");
    note.used = true;
    return note.bytes;
  }
  const body = note.stream ?? nativeBody(response);
  if (body === null) return new Uint8Array(0);
  try {
    return await read(body, Infinity, note.attempt, note.stream === undefined ? note.idle : 0);
  } finally {
    note.attempt?.end();
  }
}

let decoder: TextDecoder | undefined;

/** UTF-8, as Response.text() reads it. Made at the first use: some test environments have none at import. */
export function utf8(bytes: Uint8Array): string {
  decoder ??= new TextDecoder();
  return decoder.decode(bytes);
}

const overrides = {
  async text(this: Response): Promise<string> {
    return utf8(await consume(this));
  },
  async json(this: Response): Promise<unknown> {
    return JSON.parse(utf8(await consume(this)));
  },
  async bytes(this: Response): Promise<Uint8Array<ArrayBuffer>> {
    return consume(this);
  },
  async arrayBuffer(this: Response): Promise<ArrayBuffer> {
    return exact(await consume(this)).buffer;
  },
  async blob(this: Response): Promise<Blob> {
    const type = this.headers.get("content-type") ?? "";
    return new Blob([await consume(this)], { type });
  },
  async formData(this: Response): Promise<FormData> {
    const type = this.headers.get("content-type") ?? "";
    return new Response(await consume(this), { headers: { "content-type": type } }).formData();
  },
  clone(this: Response): Response {
    const note = notes.get(this);
    if (note === undefined) return native(this).clone.call(this);
    if (note.bytes === null) {
      const copy = native(this).clone.call(this);
      swap(copy);
      notes.set(copy, { account: note.account, attempt: note.attempt, idle: note.idle, bytes: null });
      return copy;
    }
    if (this.bodyUsed) throw new TypeError("Response.clone: Body has already been consumed");
    const { status, statusText, headers } = this;
    return new Response(note.bytes.slice(), { status, statusText, headers });
  },
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const response = this as unknown as Response;
    const note = notes.get(response);
    const body = nativeBody(response);
    if (note === undefined || body === null) return body;
    if (note.bytes !== null) {
      if (note.used !== true) note.twin ??= new Response(note.bytes);
      return note.twin?.body ?? body;
    }
    if (note.idle === 0) return body;
    note.stream ??= limited(response, note);
    return note.stream;
  },
  get bodyUsed(): boolean {
    const response = this as unknown as Response;
    const note = notes.get(response);
    if (note === undefined || note.bytes === null) {
      return Object.getOwnPropertyDescriptor(native(response), "bodyUsed")?.get?.call(response) as boolean;
    }
    return note.twin?.bodyUsed ?? note.used === true;
  },
};

let between: { readonly base: Response; readonly prototype: object } | undefined;

/** Puts our prototype in, if the response is exactly the platform's own. */
function swap(response: Response): boolean {
  const base = globalThis.Response.prototype;
  if (Object.getPrototypeOf(response) !== base) return false;
  if (between === undefined || between.base !== base) {
    between = { base, prototype: Object.create(base, Object.getOwnPropertyDescriptors(overrides)) as object };
  }
  Object.setPrototypeOf(response, between.prototype);
  return true;
}

/** The prototype that ours stands in front of. */
function native(response: Response): Response {
  const prototype = Object.getPrototypeOf(response) as object;
  return Object.hasOwn(prototype, "text") && !Object.hasOwn(prototype, "status")
    ? (Object.getPrototypeOf(prototype) as Response)
    : (prototype as Response);
}

function nativeBody(response: Response): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const get = Object.getOwnPropertyDescriptor(native(response), "body")?.get;
  return get?.call(response) as ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/** The body as a stream whose reads each have the idle limit. Made only for those who ask for the stream itself. */
function limited(response: Response, note: Note): ReadableStream<Uint8Array<ArrayBuffer>> {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  // At the first read, not before: clone() replaces the native stream.
  const open = (): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> => {
    reader ??= (nativeBody(response) as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
    return reader;
  };
  const { attempt, idle } = note;
  return new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      attempt?.limit(idle);
      let piece: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
      try {
        do piece = await open().read();
        while (!piece.done && piece.value.byteLength === 0);
      } catch (error) {
        attempt?.end();
        throw attempt?.aborted === true ? attempt.reason : error;
      }
      attempt?.limit(0);
      if (piece.done) {
        attempt?.end();
        controller.close();
        controller.byobRequest?.respond(0);
      } else controller.enqueue(piece.value);
    },
    cancel(reason) {
      attempt?.end();
      return open().cancel(reason);
    },
  }) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

function exact(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
