// The default entry in Node and Bun: the engine is read from its file beside this one at the first use.

import { readFileSync } from "node:fs";
import "./node.js";
import { registerLoader } from "../core/boundary.js";

registerLoader(() => new WebAssembly.Module(readFileSync(new URL("./engine.wasm", import.meta.url))));

export * from "../index.js";
