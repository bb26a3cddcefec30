// Starts the fault server for a runner and ends it with the runner.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ROOT } from "./files.js";

/** Starts it. Returns its address and `stop`. `folder` is served as pages; `scenarios` is their folder, from the root. */
export async function startFaults(folder, scenarios = "tests/scenarios") {
  const program = process.env.UNRUFFLED_FAULTS ?? `${ROOT}target/tools/unruffled-faults`;
  const args = ["--scenarios", `${ROOT}${scenarios}`, ...(folder === undefined ? [] : ["--static", folder])];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const started = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the fault server ended with ${code}`)));
    createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line)));
  });
  const { address } = await started;
  return { address, stop: () => child.stdin.end() };
}
