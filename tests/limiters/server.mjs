// Starts the server of a case and hands back its address, what it counted, and how to end it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { backend, haproxy, nginx } from "./servers/proxies.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const python = process.env.UNRUFFLED_LIMITERS_PYTHON;

/** Says why a case cannot be played on this machine; null if it can. */
export function missing({ kind }) {
  if (kind === "python" && !(python && existsSync(python)))
    return "no Python with requirements.txt: env UNRUFFLED_LIMITERS_PYTHON";
  if ((kind === "nginx" || kind === "haproxy") && !inPath(kind)) return `no ${kind}: apt-get install ${kind}`;
  return null;
}

function inPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** Starts a case's server: `{ address, counts, stop }`. `counts` gives the number of answers by status. */
export async function start({ kind, options }) {
  if (kind === "nginx" || kind === "haproxy") return proxied(kind, options);
  const { server, ...rest } = options;
  const program =
    kind === "python"
      ? [python, [join(here, "servers/python.py")]]
      : [process.execPath, [join(here, "servers/node.mjs")]];
  const child = run(program[0], [...program[1], server, JSON.stringify(rest)]);
  const address = await child.line().then((line) => JSON.parse(line).address);
  return { address, counts: () => fetch(`${address}/_counts`).then((response) => response.json()), stop: child.stop };
}

async function proxied(kind, { work = 5, ...options }) {
  const behind = await backend(work);
  const { port, command, counts, clean } = await { nginx, haproxy }[kind](options, behind.port);
  const child = run(command[0], command.slice(1));
  await child.until(() => opens(port));
  const stop = async () => {
    await child.stop();
    behind.close();
    await clean();
  };
  return { address: `http://127.0.0.1:${port}`, counts: () => counts(child.said), stop };
}

/** Runs a program until `stop`; ends it also when this process goes. */
function run(program, args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  let complaint = "";
  let wake = () => {};
  child.stdout.on("data", (piece) => {
    said += piece;
    wake();
  });
  child.stderr.on("data", (piece) => {
    complaint += piece;
  });
  let over = false;
  const gone = new Promise((resolve) => child.on("close", resolve)).then(() => {
    over = true;
    wake();
  });
  child.on("error", (error) => {
    complaint += error.message;
  });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  const until = async (holds) => {
    while (!(await holds())) {
      if (over) throw new Error(`${program} ended: ${complaint || said}`);
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, 50);
      });
    }
  };
  return {
    said: () => said,
    until,
    line: async () => {
      await until(() => said.includes("\n"));
      return said.slice(0, said.indexOf("\n"));
    },
    stop: async () => {
      process.off("exit", end);
      end();
      await gone;
    },
  };
}

/** Tells whether somebody listens on a port. */
function opens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

/** Finds the version of what a case is about. */
export async function version({ kind, of }) {
  if (kind === "node") return JSON.parse(readFileSync(join(here, "node_modules", of, "package.json"), "utf8")).version;
  if (kind === "python") {
    const line = readFileSync(join(here, "requirements.txt"), "utf8")
      .split("\n")
      .find((line) => line.startsWith(`${of}==`));
    return line.split("==")[1];
  }
  const text = await printed(kind, ["-v"]);
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim();
}

function printed(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args);
    let text = "";
    for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (piece) => (text += piece));
    child.on("close", () => resolve(text));
  });
}
