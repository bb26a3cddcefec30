// Tests of single clients beside the scenarios: the meaning of their errors, the effect of their own retries, and the spans
// of a tracer. run.mjs runs them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import * as anthropic from "@anthropic-ai/sdk";
import { Octokit } from "@octokit/core";
import { SpanKind, trace } from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { createClient } from "@supabase/supabase-js";
import { APICallError, generateText } from "ai";
import * as openai from "openai";
import { WebSocket } from "undici";
import { createFetch } from "unruffled";
import { startFaults } from "../shared/faults.js";
import { ask } from "../shared/scenarios.js";
import { nowhere } from "../shared/served.js";

const QUICK = { retry: { base: "5ms" } };
const BUSY = { answers: [{ status: 503, sdk: "json", headers: { "retry-after-ms": 1 } }], cycle: true };
const FINE = { answers: [{ sdk: "json" }], cycle: true };
const STUCK = { answers: [{ fault: "stall-headers" }], cycle: true };

let server;
let runs = 0;
before(async () => {
  server = await startFaults(undefined, "tests/adapters");
});
after(() => server.stop());

/** Starts a server with a script. Returns its base URL, and the number of its requests. */
async function serving(script) {
  const run = `contract-${runs++}`;
  const { base } = await ask(`${server.address}/_faults/runs/${run}`, "PUT", script);
  const requests = async () => (await ask(`${server.address}/_faults/runs/${run}?brief`)).totals.requests;
  return { base, requests };
}

it("the line for each client fits its types, with those of pages and without", () => {
  const tsc = new URL("../../node_modules/.bin/tsc", import.meta.url).pathname;
  for (const lib of ["ES2022", "ES2022,DOM,DOM.Iterable"]) {
    const args = ["-p", new URL("types", import.meta.url).pathname, "--lib", lib];
    execFileSync(tsc, args, { stdio: ["ignore", "inherit", "inherit"] });
  }
});

const SDKS = {
  openai: { errors: openai, make: (base, options) => new openai.OpenAI({ baseURL: base, apiKey: "k", ...options }) },
  anthropic: {
    errors: anthropic,
    make: (base, options) => new anthropic.Anthropic({ baseURL: base, apiKey: "k", ...options }),
  },
};

for (const [name, { errors, make }] of Object.entries(SDKS)) {
  /** Returns the error of the client under a policy, with its own retries off. */
  const raised = async (base, policy, options = {}) => {
    const fetch = createFetch(policy);
    const client = make(base, { fetch, maxRetries: 0 });
    const error = await client.get("/models/m", options).catch((error) => error);
    return { error, told: fetch.explain(error) };
  };

  describe(name, () => {
    it("calls a refused connection APIConnectionError, and the attempts can be asked for", async () => {
      const { error, told } = await raised(await nowhere(), QUICK);
      assert.equal(error.constructor, errors.APIConnectionError);
      assert.match(told, /4 attempts/);
    });

    it("calls attempts that took too long APIConnectionTimeoutError", async () => {
      const { base, requests } = await serving(STUCK);
      const policy = { retry: { base: "5ms", attempts: 2 }, timeouts: { attempt: "100ms" } };
      const { error } = await raised(base, policy);
      assert.equal(error.constructor, errors.APIConnectionTimeoutError);
      assert.equal(await requests(), 2);
    });

    it("calls a deadline that passes in a queue APIConnectionTimeoutError, a drop-in that was closed not", async () => {
      const { base } = await serving(STUCK);
      const fetch = createFetch({ ...QUICK, concurrency: 1, timeouts: { total: "300ms" } });
      const client = make(base, { fetch, maxRetries: 0 });
      const leaving = new AbortController();
      const first = client.get("/models/m", { signal: leaving.signal }).catch((error) => error);
      const second = await client.get("/models/m").catch((error) => error);
      leaving.abort();
      fetch.close();
      const third = await client.get("/models/m").catch((error) => error);
      const { APIConnectionError, APIConnectionTimeoutError, APIUserAbortError } = errors;
      assert.deepEqual(
        [await first, second, third].map((error) => error.constructor),
        [APIUserAbortError, APIConnectionTimeoutError, APIConnectionError],
      );
    });

    it("calls the caller's abort APIUserAbortError, in an attempt and in a wait", async () => {
      for (const script of [STUCK, { answers: [{ status: 503, headers: { "Retry-After": 9 } }], cycle: true }]) {
        const { base } = await serving(script);
        const { error } = await raised(base, QUICK, { signal: AbortSignal.timeout(150) });
        assert.equal(error.constructor, errors.APIUserAbortError);
      }
    });

    it("with its own retries left on sends each of them once", async () => {
      const { base, requests } = await serving(BUSY);
      const fetch = createFetch(QUICK);
      let stacked = 0;
      fetch.on(() => stacked++, "stacked");
      const client = make(base, { fetch, maxRetries: 2 });
      const error = await client.get("/models/m").catch((error) => error);
      assert.equal(error.status, 503);
      assert.equal(await requests(), 4 + 1 + 1);
      assert.equal(stacked, 2);
    });

    it("raises what ended a stream that stalls", async () => {
      const { base } = await serving({ answers: [{ sdk: "events", fault: "stall-body" }] });
      const client = make(base, { fetch: createFetch({ timeouts: { idle: "150ms" } }), maxRetries: 0 });
      const chat = { model: "m", max_tokens: 9, messages: [{ role: "user", content: "x" }], stream: true };
      const api = name === "openai" ? client.chat.completions : client.messages;
      const error = await (async () => {
        for await (const _ of await api.create(chat));
      })().catch((error) => error);
      assert.equal(error?.name, "TimeoutError");
    });
  });
}

describe("ai", () => {
  it("raises errors whose attempts can be asked for", async () => {
    const fetch = createFetch(QUICK);
    const model = createOpenAI({ baseURL: await nowhere(), apiKey: "k", fetch }).chat("m");
    const error = await generateText({ model, prompt: "x", maxRetries: 0 }).catch((error) => error);
    assert.ok(APICallError.isInstance(error));
    assert.match(fetch.explain(error), /4 attempts/);
  });
});

describe("octokit", () => {
  it("takes a body that breaks off for an empty one, unless it is buffered", async () => {
    for (const [buffer, data] of [
      [false, ""],
      [true, "r1"],
    ]) {
      const { base } = await serving({ answers: [{ sdk: "json", fault: "truncate" }, { sdk: "json" }] });
      const octokit = new Octokit({ baseUrl: base, request: { fetch: createFetch(QUICK, { buffer }) } });
      const answer = await octokit.request("GET /thing");
      assert.equal(answer.data.id ?? answer.data, data);
    }
  });
});

describe("supabase", () => {
  it("with its own retries left on sends each of them once", async () => {
    const { base, requests } = await serving({
      answers: [{ status: 503, sdk: "json", headers: { "Retry-After": 0 } }],
      cycle: true,
    });
    const global = { fetch: createFetch(QUICK) };
    const client = createClient(base, "k", {
      global,
      realtime: { transport: WebSocket },
      accessToken: async () => "k",
    });
    assert.equal((await client.from("things").select()).status, 503);
    assert.equal(await requests(), 4 + 3);
  });
});

describe("OpenTelemetry", () => {
  const spans = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const instrumentation = new UndiciInstrumentation();
  before(() => {
    provider.register();
    instrumentation.setTracerProvider(provider);
    instrumentation.enable();
  });
  after(() => instrumentation.disable());

  it("sees a client span per attempt, each a child of what was active when the call began", async () => {
    const { base } = await serving({ answers: [{ status: 503, times: 2 }, { sdk: "json" }] });
    const fetch = createFetch(QUICK);
    const tracer = trace.getTracer("test");
    const parent = await tracer.startActiveSpan("the call", async (span) => {
      await (await fetch(`${base}/thing`)).text();
      span.end();
      return span.spanContext().spanId;
    });
    const sent = spans.getFinishedSpans().filter(({ kind, attributes }) => {
      return kind === SpanKind.CLIENT && String(attributes["url.full"] ?? "").startsWith(base);
    });
    assert.deepEqual(
      sent.map(({ attributes }) => attributes["http.response.status_code"]),
      [503, 503, 200],
    );
    for (const { parentSpanContext } of sent) assert.equal(parentSpanContext.spanId, parent);
  });

  it("sees the attempts of calls that were woken by others under their own call", async () => {
    const { base } = await serving(FINE);
    const fetch = createFetch({ ...QUICK, concurrency: 1 });
    const tracer = trace.getTracer("test");
    spans.reset();
    const parents = await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        tracer.startActiveSpan(`call ${i}`, async (span) => {
          await (await fetch(`${base}/thing?i=${i}`)).text();
          span.end();
          return span.spanContext().spanId;
        }),
      ),
    );
    const sent = spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
    const found = new Map(sent.map((span) => [span.attributes["url.query"], span.parentSpanContext.spanId]));
    assert.deepEqual(
      parents,
      parents.map((_, i) => found.get(`?i=${i}`)),
    );
  });
});
