// How a program passes the engine to the slim entry.

import { ready, registerLoader } from "../core/boundary.js";

/**
 * Gives the engine. Call it once, before the first client.
 *
 * @param source - a compiled `WebAssembly.Module`, or the bytes of `unruffled/engine.wasm` (an ArrayBuffer or a view).
 *
 * @throws WebAssembly.CompileError where the bytes are no module or the platform forbids compiling.
 */
export function init(source: object): void {
  // Not `instanceof Module`: that fails for a module of another realm.
  const isBytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
  registerLoader(() => (isBytes ? new WebAssembly.Module(source as BufferSource) : (source as WebAssembly.Module)));
  ready();
}
