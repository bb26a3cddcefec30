// One line under the AI SDK: a stream is asked for again until its first byte, and given up when it stalls.
//
//   npm install ai @ai-sdk/openai unruffled
//   API_URL=https://api.openai.com/v1 OPENAI_API_KEY=… node ai.mjs

import { createOpenAI } from "@ai-sdk/openai";
import { streamText } from "ai";
import { createFetch } from "unruffled";

const fetch = createFetch({
  baseUrl: { env: "API_URL" },
  timeouts: { attempt: "30s", idle: "30s" },
  routes: { "POST /chat/completions": { repeatable: true } },
});
const openai = createOpenAI({ baseURL: process.env.API_URL, fetch });

const { textStream } = streamText({
  model: openai.chat("gpt-5-mini"),
  prompt: "Say this is a test.",
  maxRetries: 0,
  onError({ error }) {
    console.error(fetch.explain(error));
    process.exitCode = 1;
  },
});
for await (const text of textStream) process.stdout.write(text);
process.stdout.write("\n");
