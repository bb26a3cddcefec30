// Workers forbid compiling bytes: there the engine is imported as a module.

import module from "./engine.wasm";
import { registerLoader } from "../boundary.js";
import { timersPerRequest } from "../watch.js";

registerLoader(() => module);
timersPerRequest();

export * from "../index.js";
