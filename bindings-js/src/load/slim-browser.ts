// The same for browsers: without what only Node has.

export * from "../index.js";
export * from "./init.js";
