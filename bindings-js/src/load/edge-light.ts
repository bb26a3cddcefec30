// As in workerd, with the import suffix that edge bundlers ask for.

import "./redirects.js";
import { registerLoader } from "../boundary.js";
import { timersPerRequest } from "../watch.js";
import module from "./engine.wasm?module";

registerLoader(() => module);
timersPerRequest();

export * from "../index.js";
