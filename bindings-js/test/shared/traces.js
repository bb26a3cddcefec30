// Replays recorded inputs through the package's own boundary, in Node and in a page, and compares a hash for each seed with
// the recorded one: equal inputs give equal answers in every language. tests/sim/src/world/trace.rs describes the file.

const MAGIC = "UNRTRC1\n";
/** The number of seeds in one task: unreachable engines are freed between tasks only. */
const BREATH = 25;

/** The operations from 1 on: name, count of numbers, count of byte strings. */
const OPS =
  `begin 6 0, respond 3 0, respond_with 4 1, respond_body 4 2, fault 3 0, resume 2 0, token 3 0, token_failed 3 0,
online 1 0, abandon 2 0, report 1 0, wake 0 0, route 0 1, scope 0 2, events 0 0, snapshot 1 0, close 1 0`
    .split(/,\s+/)
    .map((each) => each.split(" "));

/**
 * Plays a whole file. Returns how many seeds passed, and the failures of the others.
 *
 * @param unruffled - the package
 * @param bytes - the file, a Uint8Array
 * @param only - the low half of the one seed to play, or undefined
 * @param tell - called with a line for each input, to find the first that differs; or undefined
 */
export async function playTraces(unruffled, bytes, only, tell) {
  const tape = new Tape(bytes);
  const failures = [];
  let passed = 0;
  const seeds = tape.start();
  for (let index = 0; index < seeds; index++) {
    if (index % BREATH === 0) await new Promise((resolve) => setTimeout(resolve));
    const seed = tape.seed();
    if (only !== undefined && seed.low !== only) {
      tape.skip(seed.inputs);
      continue;
    }
    const hash = replay(unruffled, tape, seed, tell);
    if (hash === seed.hash) passed++;
    else
      failures.push(`seed ${seed.low}+${seed.high}·2^32 (number ${index}): ${hex(hash)}, recorded ${hex(seed.hash)}`);
  }
  return { passed, failures };
}

/** Plays one seed and returns its hash. */
function replay({ Core, Rejected }, tape, seed, tell) {
  const core = Core.open(seed.policy, false);
  if (core instanceof Rejected) throw new Error(`the policy was refused: ${core.issues.map((issue) => issue.text)}`);
  core.seed(seed.low + seed.high * 2 ** 32);
  core.subscribe(seed.kinds);
  let hash = 0x811c9dc5;
  const fold = (part) => {
    hash = Math.imul(hash ^ part, 0x9e3779b1);
    hash ^= hash >>> 15;
  };
  for (let at = 0; at < seed.inputs; at++) {
    const op = tape.op();
    const answer = play(core, tape, op);
    if (typeof answer === "string") fold(crc(answer));
    else {
      fold(answer | 0);
      if (op !== 13 && op !== 14) fold(Math.floor(answer / 2 ** 32));
    }
    tell?.(`${at} ${OPS[op - 1][0]} ${answer} ${hex(hash >>> 0)}`);
  }
  return hash >>> 0;
}

/** Plays one input. Returns its answer, a number or a text. Arguments are read in the order of the file. */
function play(core, tape, op) {
  switch (op) {
    case 1:
      return core.begin(tape.number(), tape.number(), tape.number(), tape.number(), tape.number(), tape.number());
    case 2:
      return core.respond(tape.number(), tape.number(), tape.number());
    case 3:
      return core.respondWith(tape.number(), tape.number(), tape.number(), tape.number(), tape.bytes(), NOTHING);
    case 4:
      return core.respondWith(tape.number(), tape.number(), tape.number(), tape.number(), tape.bytes(), tape.bytes());
    case 5:
      return core.fault(tape.number(), tape.number(), tape.number());
    case 6:
      return core.resume(tape.number(), tape.number());
    case 7:
      return core.token(tape.number(), tape.number(), tape.number());
    case 8:
      return core.tokenFailed(tape.number(), tape.number(), tape.number(), tape.number());
    case 9:
      return core.online(tape.number());
    case 10:
      return core.abandon(tape.number(), tape.number());
    case 11:
      return core.report(tape.number());
    case 12:
      return core.wake();
    case 13:
      return core.route(tape.text());
    case 14:
      return core.scope(tape.text(), tape.text());
    case 15:
      return core.events();
    case 16:
      return core.snapshot(tape.number());
    case 17:
      return core.close(tape.number());
    case 18:
      return core.renew(tape.number(), tape.number());
    case 19:
      return core.reset(tape.number(), tape.number());
    default:
      throw new Error(`no such input: ${op}`);
  }
}

const NOTHING = new Uint8Array(0);

/** A reader of the file, from its beginning on. */
class Tape {
  #at = 0;
  #all;
  #view;
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(bytes) {
    this.#all = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads the number of seeds. */
  start() {
    for (const char of MAGIC) if (this.op() !== char.charCodeAt(0)) throw new Error("not a file of traces");
    return this.#u32();
  }

  seed() {
    const policy = this.text();
    const [low, high, kinds] = [this.#u32(), this.#u32(), this.#u32()];
    return { policy, low, high, kinds, inputs: this.#u32(), hash: this.#u32() };
  }

  skip(inputs) {
    for (let index = 0; index < inputs; index++) {
      const [, numbers, strings] = OPS[this.op() - 1];
      this.#at += numbers * 8;
      for (let string = 0; string < Number(strings); string++) this.bytes();
    }
  }

  op() {
    return this.#view.getUint8(this.#at++);
  }

  number() {
    const number = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return number;
  }

  bytes() {
    const length = this.#u32();
    this.#at += length;
    return this.#all.subarray(this.#at - length, this.#at);
  }

  text() {
    return this.#decoder.decode(this.bytes());
  }

  #u32() {
    const number = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return number;
  }
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

const encoder = new TextEncoder();
let room = new Uint8Array(65536);

/** Computes the CRC-32 of the UTF-8 of a text. */
export function crc(text) {
  if (text.length * 3 > room.length) room = new Uint8Array(text.length * 6);
  const { written } = encoder.encodeInto(text, room);
  let value = -1;
  for (let at = 0; at < written; at++) value = TABLE[(value ^ room[at]) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

const hex = (hash) => hash.toString(16).padStart(8, "0");
