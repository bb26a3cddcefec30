// The entry without an engine for browsers: without Node's parts.

export * from "../index.js";
export * from "./init.js";
