// What the build puts in: the engine, packed, and wasm-bindgen's glue with one function added.

declare module "unruffled:wasm" {
  /** The size of the optimised engine in bytes. */
  export const size: number;
  /** The engine, packed, as base64. */
  export const packed: string;
  /** The module that unpacks it, as base64. */
  export const unpacker: string;
}

declare module "unruffled:glue" {
  export class Engine {
    private constructor();
    free(): void;
    base(url: string): string;
    seed(seed: number): void;
    route(target: string): number;
    scope(origin: string, credential: string): number;
    begin(call: number, now: number, route: number, scope: number, what: number, deadline: number): number;
    respond(call: number, now: number, status: number): number;
    respond_with(call: number, now: number, wall: number, status: number, hints: Uint8Array, body: Uint8Array): number;
    fault(call: number, now: number, fault: number): number;
    resume(call: number, now: number): number;
    abandon(call: number, now: number): number;
    token(now: number, generation: number, expiresIn: number): number;
    token_failed(now: number, generation: number, fault: number): number;
    online(now: number): number;
    wake(): number;
    close(now: number): number;
    settings(): string;
    subscribe(kinds: number): void;
    events(): string;
    report(call: number): string;
    snapshot(now: number): string;
  }
  export function open(policy: string, lenient: boolean): Engine | undefined;
  export function why(): string;
  export function brief(status: number, elapsed: number): string;
  /** Makes the module's one instance; every other function needs it. */
  export function attach(module: WebAssembly.Module): void;
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
