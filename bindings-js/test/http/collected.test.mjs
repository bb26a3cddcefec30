// A caller keeps the body and drops what it came from: the response, the clone's original, the Request. The garbage
// collector takes those at once here. The limits of the body and the caller's abort must outlive them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import v8 from "node:v8";
import vm from "node:vm";
import axios from "axios";
import * as undici from "undici";
import { createClient, createFetch } from "unruffled";
import { createAdapter } from "unruffled/axios";
import { createInterceptor } from "unruffled/undici";

v8.setFlagsFromString("--expose-gc");
const gc = vm.runInNewContext("gc");
const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  response.write("the first piece; no other ever comes");
});
let url;
let collecting;

before(async () => {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}/`;
  collecting = setInterval(gc, 20);
});
after(() => {
  clearInterval(collecting);
  server.closeAllConnections();
  server.close();
});

async function drain(pieces) {
  for await (const _ of pieces);
}

const LIMITED = { retry: { attempts: 1 }, timeouts: { idle: "400ms" } };
const UNLIMITED = { retry: { attempts: 1 } };
const ways = {
  body: async (response) => drain(response.body),
  text: (response) => response.text(),
  "body of a clone": async (response) => drain(response.clone().body),
  "text of a clone": (response) => response.clone().text(),
  "body after its clone was cancelled": (response) => {
    void response.clone().body.cancel();
    return drain(response.body);
  },
  "body while a clone waits": (response) => {
    response
      .clone()
      .text()
      .catch(() => {});
    return drain(response.body);
  },
};

for (const [way, read] of Object.entries(ways)) {
  test(`the idle limit ends the ${way}`, { timeout: 20_000 }, async () => {
    const fetch = createFetch({ ...LIMITED, baseUrl: url });
    const { signal } = new AbortController();
    await assert.rejects(async () => read(await fetch(url, { signal })), { name: "TimeoutError" });
  });
  for (const policy of [LIMITED, UNLIMITED]) {
    const limit = policy === LIMITED ? "with" : "without";
    test(`the caller's abort ends the ${way}, ${limit} an idle limit`, { timeout: 20_000 }, async () => {
      const long = policy === LIMITED ? { ...policy, timeouts: { idle: "10m" } } : policy;
      const fetch = createFetch({ ...long, baseUrl: url });
      const controller = new AbortController();
      const reading = (async () => read(await fetch(url, { signal: controller.signal })))();
      await collected();
      controller.abort(new Error("the caller's"));
      await assert.rejects(reading, /the caller's/);
    });
  }
}

test("the abort of a Request reaches the body that it asked for", { timeout: 20_000 }, async () => {
  const fetch = createFetch({ ...LIMITED, timeouts: { idle: "10m" }, baseUrl: url });
  const controller = new AbortController();
  const reading = (async () => drain((await fetch(new Request(url, { signal: controller.signal }))).body))();
  await collected();
  controller.abort();
  await assert.rejects(reading, { name: "AbortError" });
});

const senders = {
  client: async () => drain((await createClient({ ...LIMITED, baseUrl: url }).stream("GET", "/")).body),
  axios: () => stream(axios.create({ adapter: createAdapter(axios, LIMITED) })),
  "axios over fetch": () => stream(axios.create({ adapter: createAdapter(axios, LIMITED, { adapter: "fetch" }) })),
  undici: async () => {
    const dispatcher = new undici.Agent().compose(createInterceptor(LIMITED));
    await drain((await undici.request(url, { dispatcher })).body);
  },
};
for (const [name, send] of Object.entries(senders)) {
  test(`the idle limit ends a stream of ${name}`, { timeout: 20_000 }, async () => {
    await assert.rejects(send, /longer than 400 ms/);
  });
}

async function stream(api) {
  await drain((await api.get(url, { responseType: "stream" })).data);
}

/** Resolves when a response of before has certainly been collected. */
async function collected() {
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    gc();
  }
}
