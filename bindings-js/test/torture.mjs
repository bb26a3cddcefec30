// The torture of the driver in Node: in every scenario, at every kind of step, each harmful action that is possible there.
// `--only NAME` plays one scenario, `--deep` takes more steps of each kind (minutes).

import * as unruffled from "../.build/internal.js";
import { scenarios } from "./shared/files.js";
import { told, torture } from "./shared/torture.js";

const at = process.argv.indexOf("--only");
const only = at < 0 ? undefined : process.argv[at + 1];
const result = await torture(unruffled, scenarios("node"), only, process.argv.includes("--deep") ? 12 : 2);
for (const line of told(result, "node")) console.log(line);
process.exitCode = result.failures.length > 0 || result.passed === 0 ? 1 : 0;
