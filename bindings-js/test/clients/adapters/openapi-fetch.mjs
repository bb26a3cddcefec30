import createClient from "openapi-fetch";
import { byFetch } from "./fetch.mjs";

export const name = "openapi-fetch";
export const packages = ["openapi-fetch"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const client = createClient({ baseUrl: base, ...(fetch === undefined ? {} : { fetch }) });
  client.use({
    onRequest({ request }) {
      if (token() !== undefined) request.headers.set("authorization", `Bearer ${token()}`);
    },
  });
  const told = ({ data, response }) => (response.ok ? data?.id : { status: response.status });
  return {
    read: async ({ signal }) => told(await client.GET("/thing", { signal })),
    write: async ({ op, signal }) => told(await client.POST("/thing", { body: { op }, signal })),
    async stream({ signal }) {
      const { data, response } = await client.GET("/thing", { parseAs: "stream", signal });
      return response.ok ? data : { status: response.status };
    },
    judge: byFetch,
    close: () => fetch?.close(),
  };
}
