// Plays every recorded seed through the boundary of the built package in Node. Env UNRUFFLED_TRACES names the file.
// `--only SEED` plays one seed and prints each of its inputs.

import { readFileSync } from "node:fs";
import * as unruffled from "../.build/internal.js";
import { playTraces } from "./shared/traces.js";

const path = process.env.UNRUFFLED_TRACES;
if (path === undefined)
  throw new Error("UNRUFFLED_TRACES names no file; cargo run -p unruffled-sim -- traces writes one");
const at = process.argv.indexOf("--only");
const only = at < 0 ? undefined : Number(process.argv[at + 1]);
const tell = only === undefined ? undefined : (line) => console.log(line);
const { passed, failures } = await playTraces(unruffled, readFileSync(path), only, tell);
for (const failure of failures) console.error(failure);
console.log(`traces: ${passed} passed`);
process.exitCode = failures.length > 0 || passed === 0 ? 1 : 0;
