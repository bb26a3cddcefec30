// The modules that the build supplies: the packed engine, and engine.wasm as a module.

declare module "unruffled:wasm" {
  /** The size in bytes of the packed data: the engine's code in separate streams. */
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
