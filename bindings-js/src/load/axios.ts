// The adapter for axios with the engine of the entry that it is built for; what both have in common is shared.

import "./inline.js";

export * from "../under/axios/index.js";
