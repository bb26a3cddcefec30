// The interceptor for undici with the engine of the default entry; common code is in a shared chunk.

import "./inline.js";

export * from "../under/undici/index.js";
