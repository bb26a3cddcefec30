// What it takes until the first call: import, the engine compiled and instantiated, a long policy opened, the first call;
// and the imports of peers. Each sample in a process of its own. Prints one JSON object per figure. `--quick`: two samples.

import { withEachNode } from "./shared/nodes.mjs";

withEachNode("start.mjs");
