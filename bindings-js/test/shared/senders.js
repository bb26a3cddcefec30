// Everything that sends over real sockets, with ours in or under it.

import axios from "axios";
import * as undici from "undici";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";

/** By name: `(base, policy)` gives what can be asked of it, and what sends one request to a path, with a body if it is no GET. */
export const SENDERS = {
  createClient(base, policy) {
    const client = createClient({ ...policy, baseUrl: base });
    return [client, (method, path = "/x") => client[method.toLowerCase()](path, method === "GET" ? {} : { json: {} })];
  },
  createFetch(base, policy) {
    const fetch = createFetch(policy);
    return [fetch, (method, path = "/x") => fetch(`${base}${path}`, { method, body: method === "GET" ? null : "{}" })];
  },
  "axios, http"(base, policy) {
    const adapter = createAdapter(axios, policy);
    return [
      adapter,
      (method, path = "/x") =>
        axios.request({
          url: `${base}${path}`,
          method,
          adapter,
          proxy: false,
          data: method === "GET" ? undefined : {},
        }),
    ];
  },
  "axios, fetch"(base, policy) {
    const adapter = createAdapter(axios, policy, { adapter: "fetch" });
    return [
      adapter,
      (method, path = "/x") =>
        axios.request({ url: `${base}${path}`, method, adapter, data: method === "GET" ? undefined : {} }),
    ];
  },
  undici(base, policy) {
    const interceptor = createInterceptor(policy);
    const dispatcher = new undici.Agent().compose(undici.interceptors.redirect({ maxRedirections: 5 }), interceptor);
    return [
      interceptor,
      (method, path = "/x") =>
        undici.request(`${base}${path}`, { method, dispatcher, body: method === "GET" ? null : "{}" }),
    ];
  },
};
