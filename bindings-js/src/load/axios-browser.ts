// The adapter for axios in browsers: without what only Node has.

import "./packed.js";

export * from "../under/axios/index.js";
