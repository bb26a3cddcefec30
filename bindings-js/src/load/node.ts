// Registers what only Node has; imported by the entries that may run there.

import { CUT, codingOf, decode, isCut } from "../coded.js";
import { guardedDispatcher, linesOf } from "../guarded.js";
import { registerNode } from "../node.js";

registerNode({ CUT, codingOf, decode, guardedDispatcher, isCut, linesOf });
