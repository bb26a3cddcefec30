// nginx and HAProxy: their configuration, before a server of this process that answers after some milliseconds.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Starts a server that always answers, after `work` ms. */
export async function backend(work) {
  const server = createServer((_request, response) => setTimeout(() => response.end("{}"), work));
  server.keepAliveTimeout = 60_000;
  const port = await listening(server);
  return { port, close: () => server.close(() => {}).closeAllConnections() };
}

const listening = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

/** Finds a port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Gives the command that starts nginx with lines in its `http` and in its `location`. */
export async function nginx({ http, location }, backendPort) {
  const folder = await mkdtemp(join(tmpdir(), "limiters-nginx-"));
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
  const text = `daemon off; master_process off; pid nginx.pid; error_log error.log error;
events {}
http {
  ${temporary.join(" ")}
  log_format status "$status";
  access_log access.log status;
  keepalive_requests 100000;
  ${http}
  upstream server { server 127.0.0.1:${backendPort}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    location / {
      ${location}
      proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass http://server;
    }
  }
}`;
  await writeFile(join(folder, "nginx.conf"), text);
  return {
    port,
    command: ["nginx", "-p", `${folder}/`, "-c", "nginx.conf", "-e", "error.log"],
    counts: async () => counted(await readFile(join(folder, "access.log"), "utf8")),
    clean: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Gives the command that starts HAProxy with lines in its `frontend`; it logs to its output. */
export async function haproxy({ table, frontend }, backendPort) {
  const folder = await mkdtemp(join(tmpdir(), "limiters-haproxy-"));
  const port = await freePort();
  const text = `global
  log stdout format raw daemon
defaults
  mode http
  log global
  log-format "%ST"
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend limited
  bind 127.0.0.1:${port}
  stick-table ${table}
${frontend.map((line) => `  ${line}`).join("\n")}
  default_backend server
backend server
  server one 127.0.0.1:${backendPort}
`;
  const file = join(folder, "haproxy.cfg");
  await writeFile(file, text);
  return {
    port,
    command: ["haproxy", "-db", "-f", file],
    counts: (said) => counted(said()),
    clean: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Counts lines of statuses. */
function counted(text) {
  const counts = {};
  for (const status of text.match(/^\d{3}$/gm) ?? []) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
