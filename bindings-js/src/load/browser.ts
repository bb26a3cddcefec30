// The default entry for browsers: without what only Node has.

import "./packed.js";

export * from "../index.js";
