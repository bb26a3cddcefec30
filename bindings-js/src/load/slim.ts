// For those who bring the engine themselves (a strict content policy, a shared cache): nothing is inlined, `init` comes
// first.

import "./node.js";

export * from "../index.js";
export * from "./init.js";
