// The engine of the default entries. It is packed inside the script, then unpacked (by a small module of its own) and
// compiled synchronously at the first use. So importing costs nothing and bundlers need no setting.

import { packed, size, streams, unpacker } from "unruffled:wasm";
import { registerLoader } from "../core/boundary.js";

interface Unpacker {
  readonly memory: WebAssembly.Memory;
  packed(): number;
  unpack(streams: number, size: number): number;
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let at = 0; at < out.length; at++) out[at] = text.charCodeAt(at);
  return out;
}

function unpacked(): Uint8Array<ArrayBuffer> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes(unpacker)));
  const module = exports as unknown as Unpacker;
  const memory = new Uint8Array(module.memory.buffer as ArrayBuffer);
  memory.set(bytes(packed), module.packed());
  const from = module.unpack(streams, size);
  return memory.subarray(from, from + size);
}

registerLoader(() => new WebAssembly.Module(unpacked()));
