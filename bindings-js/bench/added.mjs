// What a successful call costs over a bare one, ours and the peers', in two Nodes: on a stub transport, over loopback HTTP
// (server in the same process, so that the network's waits do not hide the work), and the core's two crossings alone.
// Prints one JSON object per figure. `--quick`: a few rounds, to see that it works.

import { withEachNode } from "./shared/nodes.mjs";

withEachNode("added.mjs");
