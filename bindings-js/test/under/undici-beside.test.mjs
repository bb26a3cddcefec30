// The interceptor beside other parts: in pools and proxies, between other interceptors, under other retries.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { createFetch } from "unruffled";
import { createInterceptor } from "unruffled/undici";
import { QUICK, underEach } from "../shared/undici.js";

await underEach((undici, setup) => {
  const { Agent, Client, fetch, interceptors, Pool, ProxyAgent, request } = undici;
  describe("beside others", () => {
    it("a pool, a client and a proxy stay what they are", async () => {
      const { base, seen } = await setup(QUICK, [503, 200]);
      for (const Kind of [Pool, Client]) {
        const inner = new Kind(base);
        const interceptor = createInterceptor({ ...QUICK, baseUrl: base });
        const { statusCode } = await inner.compose(interceptor).request({ path: "/x", method: "GET" });
        assert.equal(statusCode, 200);
        assert.equal(interceptor.snapshot().upstreams[0].origin, base);
        await inner.destroy();
        seen.length = 0;
      }
      let tunnels = 0;
      const proxy = createServer().on("connect", ({ url }, socket) => {
        tunnels++;
        const through = connect(Number(url.split(":")[1]), "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
          socket.pipe(through).pipe(socket);
        });
        for (const end of [socket, through]) end.on("error", () => {});
      });
      await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      const uri = `http://127.0.0.1:${proxy.address().port}`;
      const inner = new ProxyAgent({ uri, proxyTunnel: true });
      const { statusCode } = await request(base, { dispatcher: inner.compose(createInterceptor(QUICK)) });
      assert.equal(statusCode, 200);
      assert.equal(seen.length, 2);
      assert.ok(tunnels > 0);
      await inner.destroy();
      proxy.close();
    });

    it("breaker, budget and limits are per origin; routes are those of the policy's own", async () => {
      const first = await setup(QUICK, [503]);
      const routes = { "GET /once/*": { retry: { attempts: 1 } } };
      const second = await setup({ ...QUICK, routes }, [503], { baseUrl: first.base });
      const get = async (url) => (await request(url, { dispatcher: second.dispatcher })).body.dump();
      await get(`${first.base}/once/7?x=1`);
      assert.equal(first.seen.length, 1);
      await get(`${first.base}/other`);
      assert.equal(first.seen.length, 5);
      await get(`${second.base}/once/7`);
      assert.equal(second.seen.length, 4);
      const odd = { origin: new URL(second.base), path: "//elsewhere.example/x", method: "GET" };
      await (await second.dispatcher.request(odd)).body.dump();
      const origins = second.interceptor.snapshot().upstreams.map(({ origin }) => origin);
      assert.deepEqual(origins.sort(), [first.base, second.base].sort());
    });

    it("whoever retries above gets single attempts: a counting SDK, a createFetch, another interceptor", async () => {
      const told = [];
      const stacked = async (call) => {
        const { base, seen, dispatcher, interceptor } = await setup(QUICK, [503]);
        interceptor.on((event) => told.push(event), "stacked");
        await call(base, dispatcher);
        return seen.length;
      };
      const headers = { "x-stainless-retry-count": "1" };
      assert.equal(await stacked((base, dispatcher) => fetch(base, { dispatcher, headers })), 1);
      assert.equal(await stacked((base, dispatcher) => createFetch(QUICK, { fetch })(base, { dispatcher })), 4);
      assert.equal(
        await stacked((base, dispatcher) =>
          request(base, { dispatcher: dispatcher.compose(createInterceptor(QUICK)) }),
        ),
        4,
      );
      assert.equal(told.length, 9);
    });

    it("an interceptor outside sees one call, one inside each attempt; redirects are calls of their own", async () => {
      const away = (_, response) => response.writeHead(302, { location: "/there" }).end();
      const { base, seen, agent, interceptor } = await setup(QUICK, [503, away, 503, 200]);
      const counts = { inside: 0, outside: 0 };
      const counting = (key) => (dispatch) => (options, handler) => {
        counts[key]++;
        return dispatch(options, handler);
      };
      const redirect = interceptors.redirect({ maxRedirections: 3 });
      const dispatcher = agent.compose(counting("inside"), interceptor, counting("outside"), redirect);
      const { statusCode, context } = await request(`${base}/here`, { dispatcher });
      assert.equal(statusCode, 200);
      assert.deepEqual(counts, { inside: 4, outside: 2 });
      assert.deepEqual(
        seen.map(({ url }) => url),
        ["/here", "/here", "/there", "/there"],
      );
      assert.equal(String(context.history[0]), `${base}/here`);
    });

    it("Node's own fetch takes the dispatcher too", async () => {
      const { base, seen, dispatcher } = await setup(
        { ...QUICK, idempotency: { header: "Idempotency-Key" } },
        [503, 200],
      );
      const response = await globalThis.fetch(base, { dispatcher, method: "POST", body: "x" });
      assert.deepEqual(await response.json(), { status: 200 });
      assert.equal(seen.length, 2);
      assert.ok(new Agent().compose([createInterceptor(QUICK)]));
    });
  });
});
