// The parts of the package that its own tests look into.

export * from "../src/attempt.js";
export { Auth } from "../src/auth.js";
export { Core, Rejected } from "../src/boundary.js";
export * from "../src/clock.js";
export { faultOf } from "../src/faults.js";
export { hints } from "../src/hints.js";
export { join, leave } from "../src/hub.js";
export * from "../src/load/inline.js";
export { encodeForm, encodeValues, resolve, template, UrlMistake } from "../src/url.js";
export { Watch } from "../src/watch.js";
export * as word from "../src/word.js";
