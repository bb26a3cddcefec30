// The few response headers that the core asked for, as the bytes it reads. What they mean is the core's to know.

const LIMIT = 8192;
const NOTHING = new Uint8Array(0);

/** Headers of an answer, by lower-case name; the platform's Headers are. */
export interface HeaderLookup {
  get(name: string): string | null;
}

/** The headers among `names` as lines `name: value\n`, at most 8 KiB; nothing where none is there. */
export function hints(headers: HeaderLookup, names: readonly string[]): Uint8Array {
  let lines = "";
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string;
    const value = headers.get(name);
    if (value === null) continue;
    const line = `${name}: ${value}\n`;
    // A header too long to be meant seriously is as good as absent.
    if (lines.length + line.length <= LIMIT) lines += line;
  }
  return lines === "" ? NOTHING : latin1(lines);
}

/** Header values are byte strings: one code unit, one byte. */
function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
