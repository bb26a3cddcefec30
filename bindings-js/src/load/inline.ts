// The default entry: the engine travels as hex inside the script (it compresses better than base64) and is compiled
// synchronously at the first use, so that importing costs nothing and no bundler needs a setting.

import { hex } from "unruffled:wasm";
import { registerLoader } from "../boundary.js";

const digit = (code: number): number => (code < 58 ? code - 48 : code - 87);

/** The bytes of lower-case hex text. */
function bytes(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as { fromHex?: (text: string) => Uint8Array<ArrayBuffer> }).fromHex;
  if (native !== undefined) return native.call(Uint8Array, text);
  const out = new Uint8Array(text.length / 2);
  for (let at = 0; at < out.length; at++) {
    out[at] = digit(text.charCodeAt(at * 2)) * 16 + digit(text.charCodeAt(at * 2 + 1));
  }
  return out;
}

registerLoader(() => new WebAssembly.Module(bytes(hex)));

export * from "../index.js";
