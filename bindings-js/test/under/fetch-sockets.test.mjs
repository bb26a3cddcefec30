// The drop-in over the platform's own fetch and real sockets: bodies of every kind, properties of an answer, and what a
// caller may do with it. Expected values come from fetch itself where it shows them.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { createFetch } from "unruffled";
import { serving } from "../kit.js";
import { nowhere } from "../shared/served.js";

const QUICK = { retry: { base: "10ms" } };

/** Runs a server that refuses `times` requests, then answers. It records requests in `seen`. */
function refusing(times, seen) {
  return async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    seen.push({ method: request.method, headers: request.headers, body: Buffer.concat(pieces) });
    response.writeHead(seen.length <= times ? 503 : 200).end("{}");
  };
}

const bytes = new TextEncoder().encode("the body");
const form = () => {
  const form = new FormData();
  form.set("a", "1");
  form.set("file", new File(["the body"], "name.txt", { type: "text/plain" }));
  return form;
};
const streamed = () => new Blob([bytes]).stream();
async function* generated() {
  yield bytes.slice(0, 3);
  yield bytes.slice(3);
}

describe("bodies", () => {
  const WHOLE = {
    "a string": "the body",
    "an ArrayBuffer": bytes.buffer,
    "a view": bytes,
    "a part of a buffer": new DataView(new TextEncoder().encode("...the body...").buffer, 3, 8),
    "a Blob": new Blob([bytes]),
    "a File": new File([bytes], "name.txt"),
  };
  for (const [name, body] of Object.entries(WHOLE)) {
    it(`${name} is sent whole on every attempt, alone and in a Request`, async () => {
      for (const inRequest of [false, true]) {
        const seen = [];
        await serving(refusing(2, seen), async (base) => {
          const fetch = createFetch(QUICK);
          const init = { method: "PUT", body };
          const { status } = inRequest ? await fetch(new Request(base, init)) : await fetch(base, init);
          assert.equal(status, 200);
        });
        const texts = seen.map(({ body }) => body.toString());
        assert.deepEqual(texts, ["the body", "the body", "the body"]);
      }
    });
  }

  it("URLSearchParams and FormData keep their content type, with a boundary that fits", async () => {
    for (const [body, field] of [
      [new URLSearchParams({ a: "1" }), null],
      [form(), "the body"],
    ]) {
      const seen = [];
      await serving(refusing(2, seen), async (base) => {
        assert.equal((await createFetch(QUICK)(base, { method: "PUT", body })).status, 200);
      });
      assert.equal(seen.length, 3);
      for (const { headers, body } of seen) {
        const read = await new Response(body, { headers: { "content-type": headers["content-type"] } }).formData();
        assert.equal(read.get("a"), "1");
        assert.equal((await read.get("file")?.text()) ?? null, field);
      }
    }
  });

  it("a stream or a generator is sent once, whole, and never again empty", async () => {
    for (const body of [streamed(), generated()]) {
      const seen = [];
      await serving(refusing(9, seen), async (base) => {
        const response = await createFetch(QUICK)(base, { method: "PUT", body, duplex: "half" });
        assert.equal(response.status, 503);
        assert.equal(await response.text(), "{}");
      });
      assert.deepEqual(
        seen.map(({ body }) => body.toString()),
        ["the body"],
      );
    }
  });

  it("a stream is not sent again even where nothing of it was sent", async () => {
    const fetch = createFetch(QUICK);
    const error = await fetch(await nowhere(), { method: "PUT", body: streamed(), duplex: "half" }).catch((e) => e);
    assert.equal(error.cause.code, "ECONNREFUSED");
    assert.match(fetch.explain(error), /1 attempt/);
  });

  it("a Request made of a stream is kept as it is read, and can so be sent again", async () => {
    const seen = [];
    await serving(refusing(1, seen), async (base) => {
      const request = new Request(base, { method: "PUT", body: streamed(), duplex: "half" });
      assert.equal((await createFetch(QUICK)(request)).status, 200);
      assert.equal(request.bodyUsed, true);
    });
    assert.deepEqual(
      seen.map(({ body }) => body.toString()),
      ["the body", "the body"],
    );
  });

  it("a Request in the place of init gives its method, headers and body to every attempt", async () => {
    const seen = [];
    await serving(refusing(1, seen), async (base) => {
      const request = new Request("http://elsewhere.example", {
        method: "PUT",
        body: "the body",
        headers: { "x-a": "b" },
      });
      assert.equal((await createFetch({ ...QUICK, timeouts: { attempt: "5s" } })(base, request)).status, 200);
    });
    for (const { method, headers, body } of seen) {
      assert.deepEqual([method, headers["x-a"], body.toString()], ["PUT", "b", "the body"]);
    }
    assert.equal(seen.length, 2);
  });

  it("a lower-case patch arrives as PATCH, from init and from a Request", async () => {
    const seen = [];
    await serving(refusing(0, seen), async (base) => {
      await createFetch(QUICK)(base, { method: "patch", body: "x" });
      await createFetch(QUICK)(new Request(base, { method: "patch", body: "x" }));
    });
    assert.deepEqual(
      seen.map(({ method }) => method),
      ["PATCH", "PATCH"],
    );
  });
});

/** Returns the properties of an answer beside its headers. */
const known = ({ url, status, statusText, ok, redirected, type }) => ({
  url,
  status,
  statusText,
  ok,
  redirected,
  type,
});

describe("answers", () => {
  const pages = (request, response) => {
    const status = Number(request.url.slice(1));
    if (status === 302) response.setHeader("location", "/200");
    response.writeHead(status, status === 200 ? { "content-type": "text/plain" } : {});
    response.end(status === 200 ? "here" : undefined);
  };

  it("tell what fetch tells: url, redirected, type, and no body where there is none", async () => {
    await serving(pages, async (base) => {
      for (const buffer of [false, true]) {
        const ours = createFetch({ timeouts: { attempt: "5s", idle: "5s" } }, { buffer });
        for (const [path, init] of [
          ["/200", {}],
          ["/200", { method: "HEAD" }],
          ["/204", {}],
          ["/205", {}],
          ["/304", {}],
          ["/302", {}],
          ["/302", { redirect: "manual" }],
        ]) {
          const [native, wrapped] = [await fetch(base + path, init), await ours(base + path, init)];
          assert.deepEqual(known(wrapped), known(native));
          assert.equal(wrapped.body === null, native.body === null, `${path} ${JSON.stringify(init)}`);
          assert.equal(await wrapped.text(), await native.text());
          assert.ok(wrapped instanceof Response);
        }
      }
    });
  });

  it("redirect: error is fetch's TypeError, and is not tried again", async () => {
    let requests = 0;
    const counting = (request, response) => (requests++, pages(request, response));
    await serving(counting, async (base) => {
      const native = await fetch(`${base}/302`, { redirect: "error" }).catch((error) => error);
      const ours = await createFetch(QUICK)(`${base}/302`, { redirect: "error" }).catch((error) => error);
      assert.deepEqual([ours.name, ours.message], [native.name, native.message]);
      assert.equal(requests, 2);
    });
  });

  it("a circle of redirects is gone round once", async () => {
    let requests = 0;
    const round = (_, response) => (requests++, response.writeHead(302, { location: "/" }).end());
    await serving(round, async (base) => {
      const native = await fetch(base).catch((error) => error);
      const once = requests;
      const ours = await createFetch(QUICK)(base).catch((error) => error);
      assert.deepEqual([ours.name, ours.message], [native.name, native.message]);
      assert.equal(requests, 2 * once);
    });
  });

  it("that were refused give their connection back", async () => {
    let count = 0;
    const answer = (_, response) => response.writeHead(++count % 2 === 1 ? 503 : 200).end("x".repeat(1000));
    let connections = 0;
    await serving(answer, async (base, server) => {
      server.on("connection", () => connections++);
      const ours = createFetch({ retry: { base: "2ms" } });
      for (let i = 0; i < 20; i++) assert.equal((await (await ours(base)).text()).length, 1000);
    });
    assert.equal(count, 40);
    // The retry may come before the pool knows that the first connection is free.
    assert.ok(connections <= 2, `${connections} connections`);
  });
});

/** Makes a handler that sends headers and a first piece, then what the test gives it. */
function halting(kind) {
  const open = [];
  const answer = (_, response) => {
    response.writeHead(200, kind);
    response.write("data: 1\n\n");
    open.push(response);
  };
  return { answer, open };
}

const EVENTS = { "content-type": "text/event-stream; charset=utf-8" };

describe("streams", () => {
  it("an event stream is handed on at its headers, even with buffer: true", async () => {
    for (const buffer of [false, true]) {
      const { answer, open } = halting(EVENTS);
      await serving(answer, async (base) => {
        const response = await createFetch({ timeouts: { idle: "20s" } }, { buffer })(base);
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        assert.equal((await reader.read()).value, "data: 1\n\n");
        open[0].end("data: 2\n\n");
        assert.equal((await reader.read()).value, "data: 2\n\n");
        assert.equal((await reader.read()).done, true);
      });
    }
  });

  it("with buffer: true a body that is declared larger than maxBody is streamed, not refused", async () => {
    const answer = (_, response) => response.writeHead(200, { "content-length": 3000 }).end("x".repeat(3000));
    await serving(answer, async (base) => {
      const response = await createFetch({ maxBody: 2000 }, { buffer: true })(base);
      assert.equal((await response.text()).length, 3000);
    });
  });

  it("a caller who aborts a body ends it with his own reason, as fetch does", async () => {
    for (const policy of [{}, { timeouts: { attempt: "9s" } }, { timeouts: { idle: "9s" } }]) {
      for (const read of ["text", "stream"]) {
        const { answer } = halting(EVENTS);
        await serving(answer, async (base) => {
          const controller = new AbortController();
          const response = await createFetch(policy)(base, { signal: controller.signal });
          const reader = read === "stream" ? response.body.getReader() : null;
          await reader?.read();
          const ended = (reader?.read() ?? response.text()).catch((error) => error);
          controller.abort("because");
          assert.equal(await ended, "because", `${JSON.stringify(policy)} ${read}`);
        });
      }
    }
  });

  it("leave no listener on a signal that outlives them", async () => {
    const { signal } = new AbortController();
    const answer = (_, response) => response.writeHead(200, EVENTS).end("data: 1\n\n");
    await serving(answer, async (base) => {
      for (const buffer of [false, true]) {
        const ours = createFetch({ timeouts: { attempt: "9s", idle: "9s" } }, { buffer });
        await Promise.all(Array.from({ length: 30 }, async () => (await ours(base, { signal })).text()));
        for await (const _ of (await ours(base, { signal })).body);
        await (await ours(base, { signal })).body.cancel();
      }
      assert.equal(getEventListeners(signal, "abort").length, 0);
    });
  });
});
