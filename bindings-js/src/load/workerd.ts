// Workers forbid compiling bytes: there the engine is imported as a module.

import "./redirects.js";
import { registerLoader } from "../boundary.js";
import { timersPerRequest } from "../watch.js";
import module from "./engine.wasm";

registerLoader(() => module);
timersPerRequest();

export * from "../index.js";
