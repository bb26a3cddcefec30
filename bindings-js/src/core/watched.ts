// The response headers that the core watches, as the bytes that it reads. The core alone knows what they mean.

const LIMIT = 8192;
const NOTHING = new Uint8Array(0);

/** The headers of an answer, by lower-case name; the platform's Headers fit. */
export interface HeaderLookup {
  get(name: string): string | null;
}

/** Returns the headers among `names` as lines `name: value\n`, at most 8 KiB; empty if there are none. */
export function watchedLines(headers: HeaderLookup, names: readonly string[]): Uint8Array {
  let lines = "";
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string;
    const value = headers.get(name);
    if (value === null) continue;
    const line = `${name}: ${value}\n`;
    // A header of absurd length counts as absent.
    if (lines.length + line.length <= LIMIT) lines += line;
  }
  return lines === "" ? NOTHING : latin1(lines);
}

/** Encodes header values, which are byte strings: one code unit, one byte. */
function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
