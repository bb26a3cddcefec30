// The entry without an engine, for a strict content policy or a shared cache: `init` must be called first.

import "./node.js";

export * from "../index.js";
export * from "./init.js";
