// Registers Node's parts; imported by the entries that may run there.

import "./redirects.js";
import { CUT, codingOf, decode, decoding, isCut, OF_AXIOS } from "../http/compressed.js";
import { guardedDispatcher, linesOf } from "../http/dispatcher.js";
import { registerNode } from "../http/node.js";

registerNode({ CUT, OF_AXIOS, codingOf, decode, decoding, guardedDispatcher, isCut, linesOf });
