export * from "./index.js";

/**
 * Gives the engine. Call it once, before the first client.
 *
 * @param source - a compiled `WebAssembly.Module`, or the bytes of `unruffled/engine.wasm` (an ArrayBuffer or a view).
 *
 * @throws WebAssembly.CompileError where the bytes are no module or the platform forbids compiling.
 */
export declare function init(source: object): void;

export { }
