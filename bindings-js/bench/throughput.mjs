// How many calls a second one process makes with 64 in flight, and the latency that one in a hundred exceeds, ours and the
// peers', in two Nodes; the server is a process of its own. Prints one JSON object per figure. `--quick`: to see that it works.

import { withEachNode } from "./shared/nodes.mjs";

withEachNode("throughput.mjs");
