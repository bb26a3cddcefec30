// The default entry: the engine inside the script, with Node's parts.

import "./node.js";
import "./packed.js";

export * from "../index.js";
