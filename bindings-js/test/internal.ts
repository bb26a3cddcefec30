// Inner parts of the package, for its own tests.

export { encodeForm, encodeValues, resolve, template, UrlMistake } from "../src/client/url.js";
export { Core, Rejected } from "../src/core/boundary.js";
export * as word from "../src/core/step-word.js";
export { TimeoutQueue } from "../src/driver/timeouts.js";
export { faultOf } from "../src/http/faults.js";
export * from "../src/load/inline.js";
