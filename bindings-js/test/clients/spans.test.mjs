// Spans of OpenTelemetry's standard instrumentations under the adapters of undici and axios: one client span for each
// attempt, a child of the span that was active when the call began. They patch modules at loading, so this file runs in a
// process of its own.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { SpanKind, trace } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { Agent, fetch, request } from "undici";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";
import { served } from "../shared/served.js";

const QUICK = { retry: { base: "5ms" } };
const spans = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const ignoreIncomingRequestHook = () => true;
const instrumentations = [new UndiciInstrumentation(), new HttpInstrumentation({ ignoreIncomingRequestHook })];
before(() => {
  provider.register();
  for (const each of instrumentations) {
    each.setTracerProvider(provider);
    each.enable();
  }
});
after(() => {
  for (const each of instrumentations) each.disable();
});

const CALLS = {
  async "undici's fetch"(base) {
    const dispatcher = new Agent().compose(createInterceptor(QUICK));
    await (await fetch(base, { dispatcher })).text();
    await dispatcher.close();
  },
  async "undici's request"(base) {
    const dispatcher = new Agent().compose(createInterceptor(QUICK));
    await (await request(base, { dispatcher })).body.dump();
    await dispatcher.close();
  },
  async axios(base) {
    // The instrumentation of node:http patches what `require` returns.
    const axios = createRequire(import.meta.url)("axios");
    await axios.get(base, { proxy: false, adapter: createAdapter(axios, QUICK) });
  },
};

describe("OpenTelemetry", () => {
  for (const [name, call] of Object.entries(CALLS)) {
    it(`sees the attempts of ${name}`, async () => {
      const server = await served(503, 503, 200);
      spans.reset();
      const parent = await trace.getTracer("test").startActiveSpan("call", async (span) => {
        await call(server.base);
        span.end();
        return span.spanContext().spanId;
      });
      server.close();
      const sent = spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
      assert.deepEqual(
        sent.map(({ attributes }) => attributes["http.response.status_code"] ?? attributes["http.status_code"]),
        [503, 503, 200],
      );
      for (const { parentSpanContext } of sent) assert.equal(parentSpanContext.spanId, parent);
    });
  }
});
