// Workers forbid compiling bytes: there the engine is imported as a module.

import "./redirects.js";
import { registerLoader } from "../core/boundary.js";
import { timersPerRequest } from "../driver/timeouts.js";
import module from "./engine.wasm";

registerLoader(() => module);
timersPerRequest();

export * from "../index.js";
