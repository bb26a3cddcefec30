// The modules that the build supplies: the deflated engine, and engine.wasm as a module.

declare module "unruffled:wasm" {
  /** The size of the optimised engine in bytes. */
  export const size: number;
  /** The engine, deflated, as base64. */
  export const packed: string;
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}

// Of Node and Bun: the one function that the entry for them uses.
declare module "node:fs" {
  export function readFileSync(path: URL): Uint8Array<ArrayBuffer>;
}
