// Faults over real sockets, under each sender: the number of attempts, what the breaker counts, what the report says.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { createClient } from "unruffled";
import { serving } from "../kit.js";
import { certificate, servingTls } from "../shared/certificates.js";
import { SENDERS } from "../shared/senders.js";

const POLICY = { retry: { base: "1ms", attempts: 3 } };

/** Runs a server that answers the first bytes of each connection with these bytes. */
async function raw(answer, use) {
  const seen = { connections: 0 };
  const open = new Set();
  const server = createServer((socket) => {
    seen.connections++;
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.once("data", () => (answer === null ? socket.destroy() : socket.end(answer)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`127.0.0.1:${server.address().port}`, seen);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

/** Makes a call that fails. Returns the faults of its attempts, and its record. */
async function failing([controls, send], method) {
  const faults = [];
  controls.on(({ fault }) => faults.push(fault), "attempt");
  const error = await send(method).then(
    () => assert.fail("delivered"),
    (error) => error,
  );
  return { faults, error, told: controls.explain(error) };
}

for (const [name, make] of Object.entries(SENDERS)) {
  describe(name, () => {
    const certificates = {
      "self-signed": () => certificate(),
      expired: () => certificate("IP:127.0.0.1", "20200101000000Z", "20210101000000Z"),
      "of another name": () => certificate("DNS:other.example.com"),
    };
    for (const [what, pair] of Object.entries(certificates)) {
      it(`a certificate that is ${what}: one handshake, not sent, nothing to the breaker`, async () => {
        await servingTls(pair(), async (base, seen) => {
          for (const method of ["GET", "POST"]) {
            seen.handshakes = 0;
            const sender = make(base, POLICY);
            const { faults, told, error } = await failing(sender, method);
            assert.deepEqual([faults, seen], [["permanent"], { handshakes: 1, requests: 0 }], method);
            assert.match(told, /certificate/);
            if (name === "createClient") assert.deepEqual([error.reason, error.outcome], ["network", "not-sent"]);
            for (let at = 0; at < 25; at++) await failing([{ on() {}, explain() {} }, sender[1]], method);
            assert.deepEqual(
              sender[0].snapshot().upstreams.map(({ breaker }) => breaker),
              sender[0].snapshot().upstreams.map(() => "closed"),
            );
          }
        });
      });
    }

    it("https to a port that speaks http: once", async () => {
      await raw("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", async (host, seen) => {
        for (const method of ["GET", "POST"]) {
          seen.connections = 0;
          const { faults, told } = await failing(make(`https://${host}`, POLICY), method);
          assert.deepEqual([faults, seen.connections], [["permanent"], 1], method);
          assert.match(told, /no TLS|no-tls/);
        }
      });
    });

    it("a handshake that is cut is tried again: a POST as well", async () => {
      await raw(null, async (host, seen) => {
        const { faults } = await failing(make(`https://${host}`, POLICY), "POST");
        assert.deepEqual([faults, seen.connections], [["unsent", "unsent", "unsent"], 3]);
      });
    });

    it("an answer whose framing says two things: once, and it was sent", async () => {
      const two = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello";
      await raw(two, async (host, seen) => {
        const { faults, told } = await failing(make(`http://${host}`, POLICY), "GET");
        assert.deepEqual([faults, seen.connections], [["permanent"], 1]);
        assert.match(told, /protocol/);
      });
    });

    it("a name that does not exist: once, and not sent", async () => {
      const { faults, told } = await failing(make("http://name.invalid", POLICY), "POST");
      assert.deepEqual(faults, ["unsent"]);
      assert.match(told, /name/);
    });

    it("a port where nothing listens is tried again", async () => {
      const host = await raw("", (host) => host);
      const { faults, told } = await failing(make(`http://${host}`, POLICY), "POST");
      assert.deepEqual(faults, ["unsent", "unsent", "unsent"]);
      assert.match(told, /connection-refused|refused/);
    });
  });
}

describe("behind a redirect", () => {
  it("a certificate proves nothing: the first server may have done the work", async () => {
    await servingTls(certificate(), async (tls) => {
      const answer = (request, response) => {
        request.resume();
        request.on("end", () => response.writeHead(307, { location: `${tls}/b` }).end());
      };
      await serving(answer, async (base) => {
        const client = createClient({ ...POLICY, baseUrl: base });
        await assert.rejects(client.post("/a", { json: {} }), ({ reason, outcome, attempts }) => {
          assert.deepEqual([reason, outcome, attempts], ["network", "unknown", 1]);
          return true;
        });
      });
    });
  });
});

describe("a 204 with a body", () => {
  it("is delivered by fetch and undici; axios calls it an error, and it is sent once", async () => {
    for (const [name, make] of Object.entries(SENDERS)) {
      await raw("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", async (host, seen) => {
        const [controls, send] = make(`http://${host}`, POLICY);
        if (name !== "axios, http") await send("GET");
        else {
          const { faults, told } = await failing([controls, send], "DELETE");
          assert.deepEqual(faults, ["permanent"]);
          assert.match(told, /protocol/);
        }
        assert.equal(seen.connections, 1, name);
      });
    }
  });
});
