import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from "openai";

export const name = "openai";
export const packages = ["openai"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const client = new OpenAI({
    baseURL: `${base}/v1`,
    apiKey: async () => token() ?? "none",
    ...(fetch === undefined ? { timeout: attempt } : { fetch, maxRetries: 0 }),
  });
  const chat = (op) => ({ model: "a-model", messages: [{ role: "user", content: op }] });
  return {
    read: async ({ signal }) => (await client.models.retrieve("a-model", { signal })).id,
    write: async ({ op, signal }) => (await client.chat.completions.create(chat(op), { signal })).id,
    stream: ({ op, signal }) => client.chat.completions.create({ ...chat(op), stream: true }, { signal }),
    judge(error) {
      if (error instanceof APIUserAbortError) return { error: "cancelled" };
      if (error instanceof APIConnectionTimeoutError) return { error: "native", family: "timeout" };
      if (error instanceof APIConnectionError) return { error: "native", family: "connection" };
      if (error instanceof APIError && error.status !== undefined) return { status: error.status };
      return { error: "native", family: "other" };
    },
    close: () => fetch?.close(),
  };
}
