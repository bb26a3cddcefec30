// What the build puts in: the engine, packed; and engine.wasm, as the entries that import modules see it.

declare module "unruffled:wasm" {
  /** The size in bytes of what is packed: the engine's code, taken apart. */
  export const streams: number;
  /** The size of the optimised engine in bytes. */
  export const size: number;
  /** The engine, packed, as base64. */
  export const packed: string;
  /** The module that unpacks it, as base64. */
  export const unpacker: string;
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
