// The adapter for axios in browsers: without Node's parts.

import "./packed.js";

export * from "../under/axios/index.js";
