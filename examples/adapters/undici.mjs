// One line under undici's fetch and request: a dispatcher with the policy in it. Pool, proxy and TLS are the Agent's own.
//
//   npm install undici unruffled
//   API_URL=https://api.example.com node undici.mjs

import { Agent, request } from "undici";
import { createInterceptor } from "unruffled/undici";

const interceptor = createInterceptor({ baseUrl: { env: "API_URL" }, timeouts: { attempt: "10s" } });
const dispatcher = new Agent({ connections: 10 }).compose(interceptor);

// Or for everything in this process: setGlobalDispatcher(dispatcher).
const answer = await request(`${process.env.API_URL}/thing`, { dispatcher });
const { data } = await answer.body.json();
console.log(data.thing);
console.log(interceptor.explain(answer));
await dispatcher.close();
