// The platform's own Response, with body methods of a prototype between it and Response.prototype. They read pieces
// under the idle limit and serve a buffered body from memory. `instanceof`, url, type and headers stay native; a new
// Response would lose them.

import type { Attempt } from "../driver/attempt.js";
import { readWhole } from "../driver/body.js";
import { type CallRecord, type Recorded, recorded } from "../driver/record.js";
import { Share } from "./share.js";

/** The state of a response that was handed out. */
export interface BodyState extends Recorded {
  /** The share in the attempt that can stop the body; null = nothing to stop. */
  readonly share: Share | null;
  /** Limit in ms between two pieces of the body; 0 = none. */
  readonly idle: number;
  /** The body, if it was buffered. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  /** The stream's stand-in where the body was buffered. */
  twin?: Response;
  stream?: ReadableStream<Uint8Array<ArrayBuffer>>;
  used?: boolean;
}

/** The entries of responses: only this file hands those out. */
const states = recorded as WeakMap<object, BodyState>;
// A body that is collected unread must not stay subscribed to the caller's signal.
const backstop =
  typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry<Share>((share) => share.end());

/** Delivers a response: with its body if there are `bytes`, else with the rest of the body to be streamed. */
export function deliver(
  response: Response,
  bytes: Uint8Array<ArrayBuffer> | null,
  attempt: Attempt | null,
  idle: number,
  record: CallRecord,
): Response {
  if (bytes === null) return withStream(response, attempt, idle, record);
  attempt?.end();
  return withBody(response, bytes, record);
}

function withStream(response: Response, attempt: Attempt | null, idle: number, record: CallRecord): Response {
  const nothingToStop = attempt === null || response.body === null || (idle === 0 && !attempt.abortable);
  if (nothingToStop || !setPrototype(response)) {
    attempt?.end();
    states.set(response, { record, share: null, idle: 0, bytes: null });
    return response;
  }
  attempt.limit(0);
  const share = Share.first(attempt);
  states.set(response, { record, share, idle, bytes: null });
  endWith(response, share);
  return response;
}

/** Ends the share when its owner, a response or its body, is collected. A later owner replaces the one before. */
function endWith(owner: object, share: Share): void {
  if (!share.abortable) return;
  backstop?.unregister(share);
  backstop?.register(owner, share, share);
}

/** Delivers a response whose body was read. */
export function withBody(response: Response, bytes: Uint8Array<ArrayBuffer>, record: CallRecord): Response {
  let out = response;
  if (response.body !== null && !setPrototype(response)) {
    const { status, statusText, headers } = response;
    out = new Response(bytes, { status, statusText, headers });
  }
  states.set(out, { record, share: null, idle: 0, bytes });
  return out;
}

/** Returns the bytes that were read before delivery. */
export function bytesOf(response: Response): Uint8Array<ArrayBuffer> | null {
  return states.get(response)?.bytes ?? null;
}

/** Reads the whole body, within the limits of its state. */
async function consume(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const state = states.get(response);
  if (state === undefined) return new Uint8Array(await native(response).arrayBuffer.call(response));
  if (state.twin !== undefined) return new Uint8Array(await state.twin.arrayBuffer());
  if (state.bytes !== null) {
    if (state.used === true) throw new TypeError("Body is unusable: it has already been read");
    state.used = true;
    return state.bytes;
  }
  const { share, stream } = state;
  const body = stream ?? nativeBody(response);
  if (body === null) return new Uint8Array(0);
  // The caller may drop the response meanwhile.
  if (share !== null) backstop?.unregister(share);
  try {
    return await readWhole(body, Infinity, share, stream === undefined ? state.idle : 0);
  } finally {
    share?.end();
  }
}

let decoder: TextDecoder | undefined;

/**
 * Decodes UTF-8 as Response.text() does. The decoder is made at the first use: some test environments have none at
 * import.
 */
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
    const state = states.get(this);
    if (state === undefined) return native(this).clone.call(this);
    if (state.bytes === null) {
      const copy = native(this).clone.call(this);
      setPrototype(copy);
      const share = state.share?.another() ?? null;
      states.set(copy, { record: state.record, share, idle: state.idle, bytes: null });
      if (share !== null) endWith(copy, share);
      return copy;
    }
    if (this.bodyUsed) throw new TypeError("Response.clone: Body has already been consumed");
    const { status, statusText, headers } = this;
    return new Response(state.bytes.slice(), { status, statusText, headers });
  },
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const response = this as unknown as Response;
    const state = states.get(response);
    const body = nativeBody(response);
    if (state === undefined || body === null) return body;
    if (state.bytes !== null) {
      if (state.used !== true) state.twin ??= new Response(state.bytes);
      return state.twin?.body ?? body;
    }
    if (state.idle === 0) {
      if (state.share !== null) endWith(body, state.share);
      return body;
    }
    state.stream ??= limited(response, state);
    return state.stream;
  },
  get bodyUsed(): boolean {
    const response = this as unknown as Response;
    const state = states.get(response);
    if (state === undefined || state.bytes === null) {
      return Object.getOwnPropertyDescriptor(native(response), "bodyUsed")?.get?.call(response) as boolean;
    }
    return state.twin?.bodyUsed ?? state.used === true;
  },
};

let between: { readonly base: Response; readonly prototype: object } | undefined;

/** Sets our prototype, if the response is exactly the platform's own. */
function setPrototype(response: Response): boolean {
  const base = globalThis.Response.prototype;
  if (Object.getPrototypeOf(response) !== base) return false;
  if (between === undefined || between.base !== base) {
    between = { base, prototype: Object.create(base, Object.getOwnPropertyDescriptors(overrides)) as object };
  }
  Object.setPrototypeOf(response, between.prototype);
  return true;
}

/** Returns the platform's prototype behind ours. */
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

/** Makes a stream of the body whose reads each have the idle limit, for callers of `body`. */
function limited(response: Response, state: BodyState): ReadableStream<Uint8Array<ArrayBuffer>> {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  // Opened at the first read: clone() replaces the native stream.
  const open = (): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> => {
    reader ??= (nativeBody(response) as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
    return reader;
  };
  const { share, idle } = state;
  return new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      share?.limit(idle);
      let piece: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
      try {
        do piece = await open().read();
        while (!piece.done && piece.value.byteLength === 0);
      } catch (error) {
        share?.end();
        throw share?.aborted === true ? share.reason : error;
      }
      share?.limit(0);
      if (piece.done) {
        share?.end();
        controller.close();
        controller.byobRequest?.respond(0);
      } else controller.enqueue(piece.value);
    },
    cancel(reason) {
      share?.end();
      return open().cancel(reason);
    },
  }) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

function exact(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
