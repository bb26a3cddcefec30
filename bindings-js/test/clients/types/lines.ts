// The line for each client, as a user writes it. It must fit the client's own types in strict mode, without a cast.

import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { Octokit } from "@octokit/core";
import { createClient } from "@supabase/supabase-js";
import axios from "axios";
import { GraphQLClient } from "graphql-request";
import ky from "ky";
import { ofetch } from "ofetch";
import OpenAI from "openai";
import createOpenApi from "openapi-fetch";
import Stripe from "stripe";
import { Agent, interceptors, request, setGlobalDispatcher } from "undici";
import { createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";

const policy = { baseUrl: "https://api.example.com", retry: { attempts: 3 } } as const;
const fetch = createFetch(policy);
const apiKey = "x";

export const clients = [
  new OpenAI({ apiKey, fetch: createFetch(policy), maxRetries: 0 }),
  new Anthropic({ apiKey, fetch, maxRetries: 0 }),
  new Octokit({ request: { fetch } }),
  new Stripe(apiKey, { httpClient: Stripe.createFetchHttpClient(fetch), maxNetworkRetries: 0 }),
  createClient("https://api.example.com", apiKey, { global: { fetch } }),
  createOpenApi<object>({ baseUrl: "https://api.example.com", fetch }),
  ky.create({ fetch, retry: 0 }),
  ofetch.create({ retry: false }, { fetch }),
  new GraphQLClient("https://api.example.com", { fetch }),
  createOpenAI({ apiKey, fetch }),
  axios.create({ adapter: createAdapter(axios, policy) }),
];

globalThis.fetch = fetch;
axios.defaults.adapter = createAdapter(axios, policy);
setGlobalDispatcher(new Agent().compose(createInterceptor(policy), interceptors.redirect()));

export const wrapped = createFetch(policy, { fetch: (input, init) => fetch(input, init) });
export const read = fetch(new Request("https://api.example.com"), { signal: AbortSignal.timeout(5) }).then((response) =>
  response.text(),
);
export const sent = request("https://api.example.com", {
  dispatcher: new Agent().compose([createInterceptor(policy)]),
}).then(({ body }) => body.json());
