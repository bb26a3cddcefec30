export * from "./index.js";

/**
 * Loads the engine from `engine.wasm` beside the script, and compiles it while it arrives. Call it once and await it
 * before the first client. Bundlers put the file there; the manual's page "The slim entry" says how.
 *
 * @param response - the answer that brings `engine.wasm`, if the file is somewhere else: `init(fetch(url))`.
 *
 * @throws TypeError where the file does not come, or comes without `Content-Type: application/wasm`.
 * @throws WebAssembly.CompileError where the bytes are no module or the platform forbids compiling.
 */
export declare function init(response?: PromiseLike<object>): Promise<void>;

/**
 * Gives the engine. Call it once, before the first client.
 *
 * @param source - a compiled `WebAssembly.Module`, or the bytes of `unruffled/engine.wasm` (an ArrayBuffer or a view).
 *
 * @throws WebAssembly.CompileError where the bytes are no module or the platform forbids compiling.
 */
export declare function init(source: object): void;

export { }
