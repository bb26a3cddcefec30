// undici's interceptor with the engine of the default entry; what both have in common is in a chunk that they share.

import "./inline.js";

export * from "../under/undici/index.js";
