// As in workerd, with the import suffix that edge bundlers ask for.

import module from "./engine.wasm?module";
import { registerLoader } from "../boundary.js";
import { timersPerRequest } from "../watch.js";

registerLoader(() => module);
timersPerRequest();

export * from "../index.js";
