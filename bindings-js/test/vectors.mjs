// Plays every vector through the boundary of the built package in Node. `codes.json` and its like have no steps.

import * as unruffled from "../.build/internal.js";
import { vectors } from "./shared/files.js";
import { playUrl, playVector } from "./shared/vectors.js";

const { core, url } = vectors();
let failures = 0;

function run(list, play) {
  let passed = 0;
  for (const [file, vector] of list) {
    try {
      play(unruffled, vector);
      passed++;
    } catch (error) {
      failures++;
      console.error(`${file}: ${error.message}`);
    }
  }
  return passed;
}

console.log(`vectors: ${run(core, playVector)} passed`);
console.log(`url: ${run(url, playUrl)} passed`);
process.exitCode = failures > 0 ? 1 : 0;
