import { ClientError, GraphQLClient } from "graphql-request";
import { byFetch } from "./fetch.mjs";

export const name = "graphql-request";
export const packages = ["graphql-request"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const client = new GraphQLClient(`${base}/graphql`, {
    // Queries by GET may be sent again; by POST, its default, only on a route whose policy allows it.
    method: "GET",
    headers: () => (token() === undefined ? {} : { authorization: `Bearer ${token()}` }),
    ...(fetch === undefined ? {} : { fetch }),
  });
  const mutation = "mutation make($op: String) { thing(op: $op) }";
  return {
    read: async ({ signal }) => (await client.request({ document: "query { thing }", signal })).thing,
    write: async ({ op, signal }) => (await client.request({ document: mutation, variables: { op }, signal })).thing,
    judge(error, call) {
      if (error instanceof ClientError) return { status: error.response.status };
      return byFetch(error, call);
    },
    close: () => fetch?.close(),
  };
}
