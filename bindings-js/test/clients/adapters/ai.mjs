import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, experimental_generateSpeech as generateSpeech, generateText, RetryError, streamText } from "ai";
import { byFetch } from "./fetch.mjs";

export const name = "ai";
export const packages = ["ai"];
export const under = "createFetch";

export function make({ base, mode, policy, buffer, attempt, token, unruffled }) {
  // Every request is a POST. The policy says that a prompt may be sent twice, as in the documentation.
  const routes = { "POST /v1/chat/completions": { repeatable: true }, ...policy.routes };
  const fetch = mode === "unruffled" ? unruffled.createFetch({ ...policy, routes }, { buffer }) : undefined;
  const provider = () =>
    createOpenAI({
      baseURL: `${base}/v1`,
      apiKey: token() ?? "none",
      ...(fetch === undefined ? {} : { fetch }),
    });
  const own = (signal) => ({
    abortSignal: signal,
    ...(fetch === undefined ? { ...(attempt === undefined ? {} : { timeout: attempt }) } : { maxRetries: 0 }),
  });
  return {
    read: async ({ op, signal }) =>
      (await generateText({ model: provider().chat("a-model"), prompt: op, ...own(signal) })).text,
    write: async ({ op, signal }) =>
      (await generateSpeech({ model: provider().speech("a-model"), text: op, ...own(signal) })).audio.uint8Array.length,
    async stream({ op, signal }) {
      const model = provider().chat("a-model");
      const { fullStream } = streamText({ model, prompt: op, onError() {}, ...own(signal) });
      const parts = fullStream[Symbol.asyncIterator]();
      // The stream begins at once, hides the headers of the answer, and yields errors as parts.
      const next = async () => {
        const { done, value } = await parts.next();
        if (value?.type === "error") throw value.error;
        if (value?.type === "abort") throw signal?.reason ?? new Error("aborted");
        return { done, value };
      };
      return { [Symbol.asyncIterator]: () => ({ next }) };
    },
    judge(error, call) {
      const last = RetryError.isInstance(error) ? error.lastError : error;
      if (!APICallError.isInstance(last)) return byFetch(last, call);
      if (last.statusCode >= 400) return { status: last.statusCode };
      return { error: "native", family: last.isRetryable ? "connection" : "other" };
    },
    close: () => fetch?.close(),
  };
}
