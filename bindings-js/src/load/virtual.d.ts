// The modules that the build supplies: wasm-bindgen's glue, the deflated engine, and engine.wasm as a module.

declare module "unruffled:glue" {
  /** Runs the glue's file; before that it needs nothing of the platform. Its own types are in wasm/pkg. */
  export function loadGlue(): WebAssembly.ModuleImports & { __wbg_set_wasm(exports: WebAssembly.Exports): void };
}

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
