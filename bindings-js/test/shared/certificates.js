// Certificates for one test run, made by openssl, so that no private key is in the repository.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a key and a self-signed certificate. `from`, `to`: as `YYYYMMDDHHMMSSZ`. */
export function certificate(name = "IP:127.0.0.1", from = "20250101000000Z", to = "20990101000000Z") {
  const folder = mkdtempSync(join(tmpdir(), "unruffled-"));
  try {
    const at = (file) => join(folder, file);
    const run = (...args) => execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at("key.pem"));
    run(
      "req",
      "-new",
      "-key",
      at("key.pem"),
      "-subj",
      "/CN=unruffled",
      "-addext",
      `subjectAltName=${name}`,
      "-out",
      at("request.pem"),
    );
    // In every version of openssl `ca` takes both dates; other commands do not.
    const files = { "index.txt": "", "serial.txt": "01\n", "ca.cnf": CONFIGURATION };
    for (const [file, text] of Object.entries(files)) writeFileSync(at(file), text);
    run(
      "ca",
      "-batch",
      "-config",
      at("ca.cnf"),
      "-selfsign",
      "-keyfile",
      at("key.pem"),
      "-in",
      at("request.pem"),
      "-out",
      at("cert.pem"),
      "-startdate",
      from,
      "-enddate",
      to,
      "-notext",
    );
    return { key: readFileSync(at("key.pem"), "utf8"), cert: readFileSync(at("cert.pem"), "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const CONFIGURATION = `
[ca]
default_ca = own
[own]
new_certs_dir = .
database = index.txt
serial = serial.txt
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

/** Runs a server with TLS on loopback while `use` runs, and counts its handshakes and requests. */
export async function servingTls(pair, use) {
  const seen = { handshakes: 0, requests: 0 };
  const server = createServer(pair, (request, response) => {
    seen.requests++;
    request.resume();
    response.end("{}");
  });
  server.on("connection", () => seen.handshakes++);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`https://127.0.0.1:${server.address().port}`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
