// As in workerd, with the import suffix that edge bundlers ask for.

import "./redirects.js";
import { registerLoader } from "../core/boundary.js";
import { timersPerRequest } from "../driver/timeouts.js";
import module from "./engine.wasm?module";

registerLoader(() => module);
timersPerRequest();

export * from "../index.js";
