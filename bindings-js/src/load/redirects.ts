// Registers how redirects are followed here; imported by the entries that are not for browsers.

import { registerRedirects } from "../node.js";
import { Redirects } from "../redirect.js";

registerRedirects((secret) => new Redirects(secret));
