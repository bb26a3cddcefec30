// The adapter for axios with the engine of the entry that it is built for; common code is in shared chunks.

import "./inline.js";

export * from "../under/axios/index.js";
