// One line under Octokit, with GitHub's rate limit kept and every retry told.
//
//   npm install @octokit/core unruffled
//   API_URL=https://api.github.com GITHUB_TOKEN=… node octokit.mjs

import { Octokit } from "@octokit/core";
import { createFetch } from "unruffled";

// GitHub answers with JSON: each body is read before a call counts as answered, so that one that breaks off is asked for again.
const fetch = createFetch(
  { baseUrl: { env: "API_URL" }, timeouts: { attempt: "10s" }, limits: [{ name: "core", rate: 5000, per: "1h" }] },
  { buffer: true, log: console },
);
const octokit = new Octokit({ baseUrl: process.env.API_URL, auth: process.env.GITHUB_TOKEN, request: { fetch } });

const { status } = await octokit.request("GET /repos/{owner}/{repo}", { owner: "octokit", repo: "core.js" });
console.log("status", status);
