// The replayer of traces. The files here are made of vectors, whose words are known; the hashes are computed in another way.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import * as unruffled from "../../.build/internal.js";
import { vectors } from "../shared/files.js";
import { crc, playTraces } from "../shared/traces.js";

const { Core, word } = unruffled;
const KINDS = ["Send", "Wait", "Park", "Refresh", "Deliver", "Fail", "Misuse", "Done"];

/** Returns the number of a word that is written as in vectors. */
function number(text) {
  const parts = text.split(" ");
  const names = { Refresh: word.REFRESH_FLAG_NAMES, Send: word.SEND_FLAG_NAMES }[parts[0]] ?? word.FLAG_NAMES;
  const flags = parts.reduce((sum, part) => sum + (16 << names.indexOf(part)) * names.includes(part), 0);
  const [kind, ...rest] = parts.filter((part) => !names.includes(part));
  let arg = Number(rest[0] ?? 0);
  if (kind === "Deliver") arg = Math.max(0, word.OUTCOMES.indexOf(rest[0]));
  if (kind === "Misuse") arg = word.MISUSES.indexOf(rest[0]);
  if (kind === "Fail") {
    arg = Number(rest[2] ?? 2 ** 32 - 1) * 256 + word.OUTCOMES.indexOf(rest[1]) * 64 + word.REASONS.indexOf(rest[0]);
  }
  return arg * 4096 + flags + KINDS.indexOf(kind);
}

/** Computes the hash over 32-bit parts, with BigInt. */
function hashed(parts) {
  return Number(
    parts.reduce((hash, part) => {
      const mixed = ((hash ^ BigInt(part)) * 0x9e3779b1n) % 2n ** 32n;
      return mixed ^ (mixed >> 15n);
    }, 0x811c9dc5n),
  );
}

const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const sized = (bytes) => Buffer.concat([u32(bytes.length), Buffer.from(bytes)]);

/** Encodes one input of the file. */
function input(op, numbers, strings = []) {
  const floats = Buffer.from(Float64Array.from(numbers).buffer);
  return Buffer.concat([Buffer.from([op]), floats, ...strings.map((string) => sized(string))]);
}

/** The inputs of one seed, and the parts of its hash. */
class Tape {
  inputs = [];
  parts = [];

  word(op, numbers, strings, is) {
    this.inputs.push(input(op, numbers, strings));
    this.parts.push(is % 2 ** 32, Math.floor(is / 2 ** 32));
  }

  folded(op, numbers, strings, part) {
    this.inputs.push(input(op, numbers, strings));
    this.parts.push(part);
  }

  seed(policy, seed, kinds) {
    const head = [sized(policy), u32(seed % 2 ** 32), u32(Math.floor(seed / 2 ** 32)), u32(kinds)];
    return Buffer.concat([...head, u32(this.inputs.length), u32(hashed(this.parts)), ...this.inputs]);
  }
}

const file = (seeds) => Buffer.concat([Buffer.from("UNRTRC1\n"), u32(seeds.length), ...seeds]);

/** Makes one seed of a vector. A second engine gives the numbers of routes and scopes. */
class Converter {
  #tape = new Tape();
  #policy;
  #numbers;

  constructor(vector) {
    this.vector = vector;
    this.#policy = typeof vector.policy === "string" ? vector.policy : JSON.stringify(vector.policy);
    this.#numbers = Core.open(this.#policy, false);
  }

  convert() {
    this.steps(this.vector.steps, 0, 0);
    return this.#tape.seed(this.#policy, this.vector.seed ?? 1, this.vector.subscribe ?? 0);
  }

  steps(steps, base, ids) {
    for (const step of steps) {
      for (let i = 0; i < (step.times ?? 0); i++) {
        this.steps(step.steps, base + i * (step.every ?? 0), ids + i * (step.ids ?? 1));
      }
      if (step.times === undefined) this.step(step, base + (step.at ?? 0), ids);
    }
  }

  step(step, at, ids) {
    const put = (op, numbers, strings = []) => this.#tape.word(op, numbers, strings, number(step.is));
    const fault = word.FAULTS.indexOf(step.as);
    const code = fault < 0 ? 99 : fault;
    if (step.begin !== undefined) put(1, this.begin(step, at, ids));
    else if (step.respond !== undefined) this.respond(step, at, ids);
    else if (step.fault !== undefined) put(5, [step.fault + ids, at, code]);
    else if (step.resume !== undefined) put(6, [step.resume + ids, at]);
    else if (step.token !== undefined) put(7, [at, step.token, step.expires ?? 0]);
    else if (step.tokenFailed !== undefined) put(8, [at, step.tokenFailed, code, step.after ?? 0]);
    else if (step.online !== undefined) put(9, [at]);
    else if (step.abandon !== undefined) put(10, [step.abandon + ids, at]);
    else if (step.close !== undefined) put(17, [at]);
    else if (step.renew !== undefined) put(18, [at, this.scope(step.renew)]);
    else if (step.reset !== undefined) put(19, [at, this.scope(step.reset)]);
    else {
      step.wakes.forEach((call, index) => {
        // Each wake says whether more calls are ready.
        const more = index + 1 < step.wakes.length ? word.WAKES : 0;
        this.#tape.word(12, [], [], (call + ids + 1) * 4096 + more + 7);
      });
      this.#tape.word(12, [], [], 7);
    }
  }

  begin(step, at, ids) {
    const method = step.method ?? step.route?.split(" ")[0] ?? "GET";
    let what = word.methodCode(method) + (step.size ?? 0) * 65536;
    for (const flag of step.flags ?? ["REPEATABLE"]) what += word.CALL_FLAGS[flag];
    const scope = step.scope === undefined ? 0 : this.scope(step.scope);
    const route = step.route === undefined ? 0 : this.#named(13, [step.route], this.#numbers.route(step.route));
    return [step.begin + ids, at, route, scope, what, step.deadline ?? 0];
  }

  scope(names) {
    return this.#named(14, names, this.#numbers.scope(...names));
  }

  respond(step, at, ids) {
    const call = step.respond + ids;
    const is = number(step.is);
    if (step.headers === undefined && step.body === undefined) {
      this.#tape.word(2, [call, at, step.status], [], is);
      return;
    }
    const wall = (this.vector.wall ?? 1_767_225_600_000) + at;
    const lines = Object.entries(step.headers ?? {}).flatMap(([name, value]) =>
      [value].flat().map((each) => `${name}: ${each}\n`),
    );
    const strings = [lines.join(""), ...(step.body === undefined ? [] : [step.body])];
    const bytes = strings.map((text) => Buffer.from(text));
    this.#tape.word(step.body === undefined ? 3 : 4, [call, at, wall, step.status], bytes, is);
  }

  #named(op, texts, part) {
    const bytes = texts.map((text) => Buffer.from(text));
    this.#tape.folded(op, [], bytes, part);
    return part;
  }
}

const OTHERS = ["report", "snapshot", "free", "by", "cause"];
const mixed = (steps) => steps.some((step) => OTHERS.some((key) => step[key] !== undefined) || mixed(step.steps ?? []));

describe("traces", () => {
  it("play every vector whose answers are words alone to the hash of its words", async () => {
    const plain = vectors().core.filter(([, { steps, lenient }]) => steps !== undefined && !lenient && !mixed(steps));
    const seeds = plain.map(([, vector]) => new Converter(vector).convert());
    const { passed, failures } = await playTraces(unruffled, file(seeds));
    assert.deepEqual(failures, []);
    assert.equal(passed, plain.length);
    assert.ok(passed > 300, `${passed}`);
  });

  it("fold texts as the CRC-32 of their UTF-8", async () => {
    const tape = new Tape();
    const core = Core.open("{}", false);
    core.seed(2 ** 40 + 3);
    core.subscribe(255);
    tape.word(1, [7, 0, 0, 0, 16, 0], [], core.begin(7, 0, 0, 0, 16, 0));
    tape.word(2, [7, 5, 503], [], core.respond(7, 5, 503));
    tape.folded(16, [6], [], crc32(core.snapshot(6)));
    tape.word(10, [7, 9], [], core.abandon(7, 9));
    tape.folded(15, [], [], crc32(core.events()));
    tape.folded(11, [7], [], crc32(core.report(7)));
    const { passed, failures } = await playTraces(unruffled, file([tape.seed("{}", 2 ** 40 + 3, 255)]));
    assert.deepEqual([passed, failures], [1, []]);
    for (const text of ["", "a", "äöü€𝄞", "x".repeat(100_000)]) assert.equal(crc(text), crc32(text));
  });

  it("name the seeds that differ, and go on", async () => {
    const good = new Tape();
    good.word(12, [], [], 7);
    const bad = new Tape();
    bad.word(12, [], [], 8);
    const seeds = [good.seed("{}", 1, 0), bad.seed("{}", 2, 0), good.seed("{}", 3, 0)];
    const { passed, failures } = await playTraces(unruffled, file(seeds));
    assert.equal(passed, 2);
    assert.match(failures.join(), /^seed 2\+0·2\^32 \(number 1\): [0-9a-f]{8}, recorded [0-9a-f]{8}$/);
    const lines = [];
    const one = await playTraces(unruffled, file(seeds), 3, (line) => lines.push(line));
    assert.equal(one.passed, 1);
    assert.match(lines.join(), /^0 wake 7 [0-9a-f]{8}$/);
  });

  it("refuse what is no file of traces", async () => {
    await assert.rejects(playTraces(unruffled, Buffer.alloc(100)), /not a file of traces/);
  });
});
