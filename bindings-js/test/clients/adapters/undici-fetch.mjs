// fetch of the undici package, with a dispatcher of its own. Bare: its retry interceptor at its defaults.

import { fetch } from "undici";
import { byFetch } from "./fetch.mjs";
import { agent, byUndici } from "./undici-request.mjs";

export const name = "undici-fetch";
export const packages = ["undici"];
export const under = "unruffled/undici";

export function make({ base, mode, policy, buffer, attempt, token }) {
  const { dispatcher, close } = agent({ mode, policy, buffer, attempt });
  const send = (path, { signal = null, ...init }) => {
    const headers = { ...init.headers, ...(token() === undefined ? {} : { authorization: `Bearer ${token()}` }) };
    return fetch(base + path, { dispatcher, ...init, headers, signal });
  };
  const json = async (response) => (response.ok ? (await response.json()).id : { status: response.status });
  return {
    read: async ({ signal }) => json(await send("/thing", { signal })),
    write: async ({ op, signal }) => {
      const headers = { "content-type": "application/json" };
      return json(await send("/thing", { method: "POST", headers, body: JSON.stringify({ op }), signal }));
    },
    async stream({ signal }) {
      const response = await send("/thing", { signal });
      return response.ok ? response.body : { status: response.status };
    },
    judge(error, call) {
      const told = byFetch(error, call);
      // The cause of the TypeError says what failed.
      return told.family === "connection" && error.cause !== undefined ? byUndici(error.cause, call) : told;
    },
    close,
  };
}
