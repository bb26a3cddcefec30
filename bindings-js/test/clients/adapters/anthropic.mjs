import Anthropic, {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
} from "@anthropic-ai/sdk";

export const name = "anthropic";
export const packages = ["@anthropic-ai/sdk"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const client = new Anthropic({
    baseURL: base,
    apiKey: null,
    authToken: token() ?? "none",
    ...(fetch === undefined ? { timeout: attempt } : { fetch, maxRetries: 0 }),
  });
  const chat = (op) => ({ model: "a-model", max_tokens: 16, messages: [{ role: "user", content: op }] });
  const signed = (operation) => {
    client.authToken = token() ?? "none";
    return operation();
  };
  return {
    read: ({ signal }) => signed(async () => (await client.models.retrieve("a-model", {}, { signal })).id),
    write: ({ op, signal }) => signed(async () => (await client.messages.create(chat(op), { signal })).id),
    stream: ({ op, signal }) => signed(() => client.messages.create({ ...chat(op), stream: true }, { signal })),
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
