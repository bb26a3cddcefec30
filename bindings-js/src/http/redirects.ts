// Redirects that this package follows in place of the platform. Two kinds of calls need it: calls with a secret that
// the platform would carry to another origin, and unsafe calls where the platform does not show how far a request came.
// All else is as in fetch (https://fetch.spec.whatwg.org/#http-redirect-fetch).

import { secretHeaders } from "../core/lists.js";
import { ignore } from "../driver/body.js";
import type { Fetch } from "./sender.js";

const MOST = 20;
const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The redirects of one attempt. */
export class Redirects {
  /** Requests so far: more than one after a redirect. */
  hops = 0;
  readonly #secret: boolean;

  /** `secret`: a redirect to another origin is refused. */
  constructor(secret: boolean) {
    this.#secret = secret;
  }

  /** Sends as `fetch` does with `redirect: "follow"`. */
  async follow(fetch: Fetch, from: string, given: RequestInit): Promise<Response> {
    let url = from;
    let init: RequestInit = { ...given, redirect: "manual" };
    for (;;) {
      this.hops++;
      const response = await fetch(url, init);
      const to = STATUSES.has(response?.status) ? response.headers.get("location") : null;
      // The answer must look as if the platform had followed.
      if (to === null)
        return this.hops === 1 ? response : Object.defineProperty(response, "redirected", { value: true });
      void response.body?.cancel?.().catch(ignore);
      const next = this.#next(to, url);
      if (seesOther(response.status, init.method)) {
        init = { ...init, method: "GET", body: null, headers: without(init, (name) => name.startsWith("content-")) };
      } else if (init.body instanceof ReadableStream) {
        throw refused(`a status of ${response.status} asks for the body again, and a stream cannot be sent twice`);
      }
      if (next.origin !== new URL(url).origin) {
        init = { ...init, headers: without(init, (name) => name === "host" || secretHeaders.has(name)) };
      }
      url = next.href;
    }
  }

  #next(to: string, url: string): URL {
    if (!URL.canParse(to, url)) throw refused("its Location is no URL");
    const next = new URL(to, url);
    if (!/^https?:$/.test(next.protocol)) throw refused(`it leads to a URL of ${next.protocol}`);
    if (this.#secret && next.origin !== new URL(url).origin) {
      throw refused(`it leads to another origin, ${next.origin}, and a header of this call is a secret`);
    }
    if (this.hops > MOST) throw refused(`it is the ${MOST + 1}st in a row; ${MOST} are followed`);
    return next;
  }
}

function without({ headers }: RequestInit, drops: (name: string) => boolean): Headers {
  const kept = new Headers(headers);
  for (const name of [...kept.keys()]) if (drops(name)) kept.delete(name);
  return kept;
}

function seesOther(status: number, method = "GET"): boolean {
  return status === 303 ? method !== "GET" && method !== "HEAD" : status < 303 && method === "POST";
}

/** Makes the error of Node's fetch with `redirect: "error"`. */
function refused(why: string): TypeError {
  return new TypeError("fetch failed", { cause: new Error(`unexpected redirect: ${why}`) });
}
