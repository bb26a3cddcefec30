// A server that answers at once; run as a program it prints its address and ends with its stdin.

import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

export const BODY = JSON.stringify({ id: 7, sku: "a1", items: [1, 2, 3] });

/** Starts it; gives its origin, and what ends it. */
export async function startServer() {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": BODY.length });
    response.end(BODY);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { base: `http://127.0.0.1:${server.address().port}`, stop };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { base, stop } = await startServer();
  console.log(base);
  process.stdin.on("end", stop).resume();
}
