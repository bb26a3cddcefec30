// One line under OpenAI's client: its requests are retried, paced and given up as the policy says.
//
//   npm install openai unruffled
//   API_URL=https://api.openai.com/v1 OPENAI_API_KEY=… node openai.mjs

import OpenAI from "openai";
import { createFetch } from "unruffled";

const fetch = createFetch({
  baseUrl: { env: "API_URL" },
  timeouts: { attempt: "30s", idle: "30s" },
  // A prompt may be asked twice: it costs tokens, but changes nothing.
  routes: { "POST /chat/completions": { repeatable: true } },
});
const openai = new OpenAI({ baseURL: process.env.API_URL, fetch, maxRetries: 0 });

const chat = { model: "gpt-5-mini", messages: [{ role: "user", content: "Say this is a test." }] };
const { choices } = await openai.chat.completions.create(chat);
console.log(choices[0].message.content);
