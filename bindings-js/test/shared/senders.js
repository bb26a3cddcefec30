// The senders over real sockets: verbs, and each drop-in under its client.

import axios from "axios";
import * as undici from "undici";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";

/** By name: `(base, policy)` returns the controls, and a function that sends a request, with a body unless it is a GET. */
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
