// A server on loopback that answers from a list and records its requests, for tests of drop-ins under real clients.

import { createServer } from "node:http";

/**
 * Starts it. Each answer is a status, or a function of (request, response, body). The last one answers all other requests.
 * `seen`: `{ method, url, headers, body }` of every request; `connections`: the sockets.
 */
export async function served(...answers) {
  const seen = [];
  const connections = [];
  const server = createServer(async (request, response) => {
    const at = seen.length;
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body: undefined });
    const pieces = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      // The client closed the connection in the middle of its request.
    }
    seen[at].body = Buffer.concat(pieces).toString();
    const answer = answers[Math.min(at, answers.length - 1)];
    if (typeof answer === "function") answer(request, response, seen[at].body);
    else response.writeHead(answer, { "content-type": "application/json" }).end(`{"status":${answer}}`);
  });
  server.on("connection", (socket) => connections.push(socket));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    server,
    seen,
    connections,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Returns an address of this machine at which no program listens. */
export async function nowhere() {
  const { base, close } = await served(200);
  close();
  return base;
}

/** Ends the connection after the request was read whole. */
export const lost = (request) => request.socket.destroy();
