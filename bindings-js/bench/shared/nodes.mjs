// The Nodes that a program is run with: the one that started it, and a newer one that comes as a package.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const NEWER = fileURLToPath(
  new URL(`../node_modules/node-${process.platform}-${process.arch}/bin/node`, import.meta.url),
);

/** Whether to run for seconds only, to see that everything works. */
export const quick = process.argv.includes("--quick");

/** This Node, as a column is called. */
export const column = `Node ${process.versions.node}`;

/**
 * Runs `file` of this folder with each Node, one after the other; what they print is printed.
 *
 * @param file - its name
 * @param flags - of Node itself
 */
export function withEachNode(file, ...flags) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  for (const node of [process.execPath, NEWER]) {
    if (!existsSync(node)) {
      console.error(`no ${node}: npm ci in the folder bench brings it; its column is left out`);
      continue;
    }
    const args = [...flags, path, ...process.argv.slice(2)];
    const { status, error } = spawnSync(node, args, { stdio: "inherit" });
    if (status !== 0) throw error ?? new Error(`${node} ${args.join(" ")} ended with ${status}`);
  }
}
