// The shared files of the repository, as the runners of this package read them.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Reads all vectors as `[file, content]`: those of the core, and those of URLs. */
export function vectors() {
  const folder = `${ROOT}tests/vectors/`;
  const core = [];
  const url = [];
  for (const path of readdirSync(folder, { recursive: true }).sort()) {
    if (!path.endsWith(".json")) continue;
    const content = JSON.parse(readFileSync(folder + path, "utf8"));
    if (!path.startsWith("url/")) core.push([path, content]);
    else for (const each of Array.isArray(content) ? content : [content]) url.push([`${path} ${each.name}`, each]);
  }
  return { core, url };
}

/** Reads the scenarios for `runtime`. */
export function scenarios(runtime) {
  const folder = `${ROOT}tests/scenarios/`;
  const all = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".json"));
  return all
    .sort()
    .map((path) => JSON.parse(readFileSync(folder + path, "utf8")))
    .filter(({ not, only }) => not?.[runtime] === undefined && (only === undefined || runtime in only));
}
