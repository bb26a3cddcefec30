// Compiles the package and programs of users, with the newest TypeScript and with the oldest supported one.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../", import.meta.url));
const tsc = (version, project) =>
  execFileSync(process.execPath, [`node_modules/${version}/bin/tsc`, "-p", project, "--noEmit"], {
    cwd: folder,
    stdio: "inherit",
  });

for (const project of ["tsconfig.json", "test/types", "test/types/clients", "test/types/floor"])
  tsc("typescript", project);
tsc("typescript-5.4", "test/types/floor");
