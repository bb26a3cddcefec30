// Registers own redirects; imported by the entries that are not for browsers.

import { registerRedirects } from "../http/node.js";
import { Redirects } from "../http/redirects.js";

registerRedirects((secret) => new Redirects(secret));
