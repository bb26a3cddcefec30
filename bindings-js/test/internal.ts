// The parts of the package that its own tests look into.

export { encodeForm, encodeValues, resolve, template, UrlMistake } from "../src/client/url.js";
export { Core, Rejected } from "../src/core/boundary.js";
export * as word from "../src/core/codes.js";
export { hints } from "../src/core/watched.js";
export * from "../src/driver/attempt.js";
export * from "../src/driver/body.js";
export * from "../src/driver/clock.js";
export { Auth } from "../src/driver/credentials.js";
export { join, leave } from "../src/driver/signals.js";
export { Watch } from "../src/driver/timeouts.js";
export { faultOf } from "../src/http/faults.js";
export * from "../src/load/inline.js";
