// Plays every scenario for Node over real sockets against the fault server. `--only NAME` plays one.

import * as unruffled from "unruffled";
import { startFaults } from "./shared/faults.js";
import { playScenarios } from "./shared/scenarios.js";

const at = process.argv.indexOf("--only");
const server = await startFaults();
const { passed, failures } = await playScenarios(
  unruffled,
  server.address,
  "node",
  at < 0 ? undefined : process.argv[at + 1],
);
server.stop();
for (const failure of failures) console.error(failure);
console.log(`scenarios: ${passed} passed (node)`);
process.exitCode = failures.length > 0 ? 1 : 0;
