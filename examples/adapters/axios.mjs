// One line under axios: its calls are retried, paced and given up as the policy says. Transforms, interceptors, proxies,
// agents and validateStatus stay as they are.
//
//   npm install axios unruffled
//   API_URL=https://api.example.com node axios.mjs

import axios from "axios";
import { createAdapter } from "unruffled/axios";

const adapter = createAdapter(axios, { baseUrl: { env: "API_URL" }, timeouts: { attempt: "10s" } });
const api = axios.create({ baseURL: process.env.API_URL, adapter });

const response = await api.get("/thing");
console.log(response.data.data.thing);
console.log(adapter.explain(response));
