// How a program passes the engine to the slim entry.

import { needs, ready, registerLoader } from "../core/boundary.js";

/**
 * Loads the engine from `engine.wasm` beside the script, and compiles it while it arrives. Call it once and await it
 * before the first client. Bundlers put the file there; the manual's page "The slim entry" says how.
 *
 * @param response - the answer that brings `engine.wasm`, if the file is somewhere else: `init(fetch(url))`.
 *
 * @throws TypeError where the file does not come, or comes without `Content-Type: application/wasm`.
 * @throws WebAssembly.CompileError where the bytes are no module or the platform forbids compiling.
 */
export function init(response?: PromiseLike<object>): Promise<void>;
/**
 * Gives the engine. Call it once, before the first client.
 *
 * @param source - a compiled `WebAssembly.Module`, or the bytes of `unruffled/engine.wasm` (an ArrayBuffer or a view).
 *
 * @throws WebAssembly.CompileError where the bytes are no module or the platform forbids compiling.
 */
export function init(source: object): void;
export function init(source?: object): Promise<void> | void {
  if (source === undefined || "then" in source) return stream(source as Promise<Response> | undefined);
  // Not `instanceof Module`: that fails for a module of another realm.
  const isBytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
  registerLoader(() => (isBytes ? new WebAssembly.Module(source as BufferSource) : (source as WebAssembly.Module)));
  ready();
}

async function stream(response: Promise<Response> | undefined): Promise<void> {
  needs("WebAssembly");
  // Bundlers find the file by this very form.
  const module = await WebAssembly.compileStreaming(response ?? fetch(new URL("./engine.wasm", import.meta.url)));
  registerLoader(() => module);
  ready();
}
