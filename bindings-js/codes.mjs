// Writes src/core/codes.ts from tests/codes.json, the codes that all languages share. A test compares the two.
//
//   node codes.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SHARED = new URL("../tests/codes.json", import.meta.url);
export const FILE = fileURLToPath(new URL("src/core/codes.ts", import.meta.url));

/** In a word and in the flags of a call the low four bits are the step's or the method's. */
const ABOVE = 16;

const constant = (name) => name.replaceAll("-", "_").toUpperCase();
const scalars = (codes, { prefix = "", times = 1 } = {}) =>
  Object.entries(codes).map(([name, code]) => `export const ${prefix}${constant(name)} = ${code * times};`);

/** The names in the order of their codes; a code without a name is an empty string. */
function list(name, codes) {
  const names = Array.from({ length: Math.max(...Object.values(codes)) + 1 }, () => "");
  for (const [word, code] of Object.entries(codes)) names[code] = word;
  const quoted = names.map((word) => JSON.stringify(word));
  const line = `export const ${name} = [${quoted.join(", ")}] as const;`;
  return line.length <= 120
    ? [line]
    : [`export const ${name} = [`, ...quoted.map((word) => `  ${word},`), "] as const;"];
}

/** The flags' names in the order of their bits. */
const bits = (name, flags) =>
  list(name, Object.fromEntries(Object.entries(flags).map(([word, bit]) => [word, Math.log2(bit)])));

/** The text of the file. */
export function text() {
  const codes = JSON.parse(readFileSync(SHARED, "utf8"));
  const { other, ...methods } = codes.methods;
  // A Refresh says by two of the flags why a token is needed.
  const needs = Object.entries(codes.needs);
  const renewal = Object.entries(codes.renewal);
  const named = (others) =>
    Object.fromEntries(
      Object.entries(codes.flags).map(([name, bit]) => [others.find(([, at]) => at === bit)?.[0] ?? name, bit]),
    );
  return `${[
    "// Generated from tests/codes.json by codes.mjs: the codes that all languages share. step-word.ts reads them.",
    "",
    "/** Kinds of step, the low four bits of a word. */",
    ...scalars(codes.steps),
    "",
    "/** Flags of a word, at their bits in it. */",
    ...scalars(codes.flags, { times: ABOVE }),
    "",
    "/** Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed. Neither: there was none before. */",
    ...scalars(codes.needs, { prefix: "NEED_", times: ABOVE }),
    "",
    "/** A flag of a Send, at the bit of APPLIED: the token ends soon. */",
    ...scalars(codes.renewal, { times: ABOVE }),
    "",
    "/** Names of the flags in bit order, as vectors write them. */",
    ...bits("FLAG_NAMES", codes.flags),
    "/** Names of the flags of a Refresh. */",
    ...bits("REFRESH_FLAG_NAMES", named(needs)),
    "/** Names of the flags of a Send. */",
    ...bits("SEND_FLAG_NAMES", named(renewal)),
    "",
    "/** How an attempt broke without an answer; the index is the code. Codes with an empty name are free. */",
    ...list("FAULTS", codes.faults),
    ...scalars(codes.faults),
    "",
    "/** The platform's cause of a fault; the index is the code. */",
    ...list("CAUSES", codes.causes),
    ...scalars(codes.causes, { prefix: "CAUSE_" }),
    "",
    "/** Added to the status of an answer after a redirect that the platform followed; the bits above are its scope. */",
    `export const REDIRECTED = ${codes.redirected};`,
    "",
    "/** Why a call ended without a delivered answer; the index is the code. */",
    ...list("REASONS", codes.reasons),
    "",
    "/** Why a call ended without a delivered answer. */",
    "export type Reason = (typeof REASONS)[number];",
    "",
    "/** What may have happened at the server, in the order of the codes. */",
    ...list("OUTCOMES", codes.outcomes),
    "",
    '/** Whether the server may have acted ("Was the card charged?"), over all attempts. */',
    "export type Outcome = (typeof OUTCOMES)[number];",
    "",
    "/** Mistakes in the use of the core; the index is the code. */",
    ...list("MISUSES", { none: 0, ...codes.misuses }),
    ...scalars(codes.misuses, { prefix: "MISUSE_" }),
    "",
    "/** Methods in the order of their codes; others have a code of their own. */",
    ...list("METHODS", methods),
    `export const OTHER_METHOD = ${other};`,
    "",
    "/** Flags of a call, given to `begin` above the method's bits. */",
    ...scalars(codes.traits, { times: ABOVE }),
    "",
    "/** The flags of a call by the names that vectors use. */",
    "export const CALL_FLAGS: Readonly<Record<string, number>> = {",
    ...Object.keys(codes.traits).map((name) => `  ${constant(name)},`),
    "};",
    "",
    "/** Kinds of events in the order of their bits. */",
    ...bits("EVENT_KINDS", codes.events),
  ].join("\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, text());
