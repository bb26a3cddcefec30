// Redirects that are followed here and not by the platform: of a call that carries a secret which the platform would take
// along to another origin. Within its own origin the call goes on as bare fetch does (https://fetch.spec.whatwg.org/#http-redirect-fetch).

import { ignore } from "./attempt.js";
import type { Fetch } from "./open.js";

const MOST = 20;
const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** As `fetch`, but for a redirect to another origin, which is refused. */
export async function withinOrigin(fetch: Fetch, from: string, given: RequestInit): Promise<Response> {
  let url = from;
  let init: RequestInit = { ...given, redirect: "manual" };
  for (let hops = 0; ; hops++) {
    const response = await fetch(url, init);
    const to = STATUSES.has(response?.status) ? response.headers.get("location") : null;
    // What is asked of it is the same as where the platform follows.
    if (to === null) return hops === 0 ? response : Object.defineProperty(response, "redirected", { value: true });
    void response.body?.cancel?.().catch(ignore);
    const next = URL.canParse(to, url) ? new URL(to, url) : null;
    if (next === null || next.origin !== new URL(from).origin || hops >= MOST) throw refused();
    if (seesOther(response.status, init.method)) {
      const headers = new Headers(init.headers);
      for (const name of [...headers.keys()]) if (name.startsWith("content-")) headers.delete(name);
      init = { ...init, method: "GET", body: null, headers };
    } else if (init.body instanceof ReadableStream) throw refused();
    url = next.href;
  }
}

function seesOther(status: number, method = "GET"): boolean {
  return status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
}

/** As Node's fetch says it with `redirect: "error"`. */
function refused(): TypeError {
  return new TypeError("fetch failed", {
    cause: new Error("unexpected redirect: a secret does not go to another origin"),
  });
}
