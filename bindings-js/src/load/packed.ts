// The engine of the entries for browsers and bundlers: it travels deflated inside the script, and is inflated and compiled
// synchronously at the first use. So importing costs nothing, and no bundler needs a setting.

import { packed, size } from "unruffled:wasm";
import { inflateSync } from "fflate";
import { registerLoader } from "../core/boundary.js";

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let at = 0; at < out.length; at++) out[at] = text.charCodeAt(at);
  return out;
}

registerLoader(() => new WebAssembly.Module(inflateSync(bytes(packed), { out: new Uint8Array(size) }) as BufferSource));
