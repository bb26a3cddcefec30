// The tables of codes.ts are equal to tests/codes.json, and codes.mjs writes them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { word } from "../../.build/internal.js";
import { FILE, text } from "../../codes.mjs";
import { ROOT } from "../shared/files.js";

const codes = JSON.parse(readFileSync(`${ROOT}tests/codes.json`, "utf8"));
const numbered = (names) => Object.fromEntries(names.map((name, code) => [name, code]).filter(([name]) => name !== ""));
const upper = (names) => Object.fromEntries(Object.keys(names).map((name) => [name, word[name.toUpperCase()]]));

it("faults, reasons, outcomes and misuses are numbered alike", () => {
  assert.deepEqual(numbered(word.FAULTS), codes.faults);
  assert.deepEqual(numbered(word.CAUSES), codes.causes);
  assert.equal(word.REDIRECTED, codes.redirected);
  assert.deepEqual(numbered(word.REASONS), codes.reasons);
  assert.deepEqual(numbered(word.OUTCOMES), codes.outcomes);
  const { none, ...misuses } = numbered(word.MISUSES);
  assert.deepEqual(misuses, codes.misuses);
});

it("steps, flags, methods and traits stand at the same bits", () => {
  assert.deepEqual(upper(codes.steps), codes.steps);
  for (const [name, bit] of Object.entries(codes.flags)) assert.equal(word[name], bit * 16, name);
  for (const [name, bit] of Object.entries(codes.needs)) assert.equal(word[`NEED_${name}`], bit * 16, name);
  for (const [name, code] of Object.entries(codes.methods)) assert.equal(word.methodCode(name), code, name);
  for (const [name, bit] of Object.entries(codes.traits)) assert.equal(word.CALL_FLAGS[name], bit * 16, name);
});

it("codes.ts is generated from codes.json; after a change of that: npm run codes", () => {
  assert.equal(readFileSync(FILE, "utf8"), text());
});
