// The default entry for browsers: without Node's parts.

import "./packed.js";

export * from "../index.js";
