import { createClient } from "@supabase/supabase-js";
import { WebSocket } from "undici";

export const name = "supabase";
export const packages = ["@supabase/supabase-js"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  const fetch = mode === "unruffled" ? unruffled.createFetch(policy, { buffer }) : undefined;
  const supabase = createClient(base, "a-key", {
    // Node 20 has none, and the client needs one even if it is not used.
    realtime: { transport: WebSocket },
    accessToken: async () => token() ?? "none",
    ...(fetch === undefined ? { db: { timeout: attempt } } : { global: { fetch } }),
  });
  const run = async (query, signal) => {
    const asked = fetch === undefined ? query : query.retry(false);
    const { data, error, status } = await (signal === undefined ? asked : asked.abortSignal(signal));
    // Without an answer: the text of fetch's error.
    if (status === 0) throw new Error(error.message);
    return data?.id ?? { status };
  };
  return {
    read: ({ signal }) => run(supabase.from("things").select(), signal),
    write: ({ op, signal }) => run(supabase.from("things").insert({ op }).select(), signal),
    async stream({ signal }) {
      const { data, error, response } = await supabase.functions.invoke("events", { method: "GET", signal });
      if (response?.ok === false) return { status: response.status };
      if (error !== null) throw new Error(String(error.context));
      return data.body;
    },
    judge({ message }, { reason, signal }) {
      const aborted = message.startsWith("AbortError: ");
      if (message === String(reason) || (aborted && signal?.aborted)) return { error: "cancelled" };
      if (aborted || message.startsWith("TimeoutError: ")) return { error: "native", family: "timeout" };
      return { error: "native", family: message.startsWith("TypeError: ") ? "connection" : "other" };
    },
    close: () => fetch?.close(),
  };
}
