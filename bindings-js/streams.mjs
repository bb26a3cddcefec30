// Takes a module's code apart for packing: opcodes and each kind of operand in a stream of their own. What weaves them
// together again at load, and says why, is unpack/src/weave.rs; the build sees that the two agree.

const [REST, BODY, OPCODE, TYPE, LABEL, FUNCTION, LOCAL, OTHER, OFFSET, NUMBER, LONG] = Array(11).keys();
const STREAMS = 11;

const CODE_SECTION = 10;

/** Opcodes that have no operand: control, select, comparisons, arithmetic, conversions. */
const isBare = (code) => [0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b].includes(code) || (code >= 0x45 && code <= 0xc4);
const isBlock = (code) => code >= 0x02 && code <= 0x04;
const isLoadOrStore = (code) => code >= 0x28 && code <= 0x3e;

class Splitter {
  streams = Array.from({ length: STREAMS }, () => []);
  at = 0;

  constructor(bytes) {
    this.bytes = bytes;
  }

  take(stream) {
    const byte = this.bytes[this.at++];
    this.streams[stream].push(byte);
    return byte;
  }

  /** Moves a LEB128 number; its value. */
  number(stream) {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.take(stream);
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  numbers(stream, count) {
    for (let index = 0; index < count; index++) this.number(stream);
  }

  instruction() {
    const code = this.take(OPCODE);
    if (isBare(code)) return;
    if (isBlock(code)) this.numbers(TYPE, 1);
    else if (code === 0x0c || code === 0x0d) this.numbers(LABEL, 1);
    else if (code === 0x0e) this.numbers(LABEL, this.number(LABEL) + 1);
    else if (code === 0x10) this.numbers(FUNCTION, 1);
    else if (code === 0x11) this.numbers(FUNCTION, 2);
    else if (code >= 0x20 && code <= 0x22) this.numbers(LOCAL, 1);
    else if ([0x23, 0x24, 0x3f, 0x40].includes(code)) this.numbers(OTHER, 1);
    else if (isLoadOrStore(code)) {
      this.bytes[this.at++] = 0;
      this.numbers(OFFSET, 1);
    } else if (code === 0x41) this.numbers(NUMBER, 1);
    else if (code === 0x42) this.numbers(LONG, 1);
    else if (code === 0xfc) this.numbers(OTHER, { 10: 2, 11: 1 }[this.number(OTHER)] ?? 0);
    else throw new Error(`an instruction that streams.mjs and weave.rs do not know: 0x${code.toString(16)}`);
  }

  body() {
    const size = this.number(BODY);
    const end = this.at + size;
    this.numbers(BODY, 2 * this.number(BODY));
    while (this.at < end) this.instruction();
  }
}

/**
 * The streams of a module, one after the other, behind a table of where each starts and how much of REST comes before
 * the first function, three bytes a number. Alignments (hints only) become 0 in `bytes` itself.
 */
export function split(bytes) {
  const splitter = new Splitter(bytes);
  let before = 0;
  while (splitter.at < 8) splitter.take(REST);
  while (splitter.at < bytes.length) {
    const id = splitter.take(REST);
    const size = splitter.number(REST);
    const end = splitter.at + size;
    if (id === CODE_SECTION) {
      const functions = splitter.number(REST);
      before = splitter.streams[REST].length;
      for (let index = 0; index < functions; index++) splitter.body();
    }
    while (splitter.at < end) splitter.take(REST);
  }
  const table = Buffer.alloc((STREAMS + 1) * 3);
  let start = table.length;
  splitter.streams.forEach((stream, index) => {
    table.writeUIntBE(start, index * 3, 3);
    start += stream.length;
  });
  table.writeUIntBE(before, STREAMS * 3, 3);
  return Buffer.concat([table, ...splitter.streams.map((stream) => Buffer.from(stream))]);
}
