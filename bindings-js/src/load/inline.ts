// The default entry: the engine inside the script, and what only Node has.

import "./node.js";
import "./packed.js";

export * from "../index.js";
