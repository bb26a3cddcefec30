// The body of a request: its bytes, its content type, whether it can be sent again, and its size.

/** A body as fetch takes it, by whatever name the platform's types call it. */
export type Body = NonNullable<ConstructorParameters<typeof Response>[0]>;

/** A prepared body. */
export interface Upload {
  readonly body: Body | null;
  /** The content type in place of fetch's own. */
  readonly type: string | null;
  /** The same bytes can be sent again. */
  readonly repeatable: boolean;
  /** In bytes, as far as known; fetch does not report its progress. */
  readonly size: number;
}

const NONE: Upload = { body: null, type: null, repeatable: true, size: 0 };

/** Prepares a body of one of fetch's kinds. */
export function uploadOf(body: Body | null | undefined): Upload {
  if (body === null || body === undefined) return NONE;
  if (typeof body === "string") return { body, type: null, repeatable: true, size: body.length };
  const size = sizeOf(body);
  return { body, type: null, repeatable: size !== null, size: size ?? 0 };
}

/** Returns the size in bytes; null for streams and other bodies that can be read only once. */
function sizeOf(body: Exclude<Body, string>): number | null {
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  // By their own tags: the package undici has classes of its own.
  switch (Object.prototype.toString.call(body)) {
    case "[object Blob]":
    case "[object File]":
      return (body as Blob).size;
    case "[object URLSearchParams]":
      return String(body).length;
    case "[object FormData]":
      // A stream of the package form-data has this tag too.
      return "pipe" in body ? null : sizeOfForm(body as FormData);
    default:
      return null;
  }
}

function sizeOfForm(form: FormData): number {
  let size = 0;
  form.forEach((value) => {
    size += typeof value === "string" ? value.length : value.size;
  });
  return size;
}

/** Reports whether a body yields its pieces one by one. */
export function isIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof (body as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === "function";
}
