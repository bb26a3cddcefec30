// Builds a URL from a path template, path values and a query. Refuses everything that could make a request go elsewhere
// than written: dot segments, empty values, foreign origins. Shared vectors: tests/vectors/url.

/** The caller's mistake, in words. */
export class UrlMistake extends Error {}

/** One query or form value; null and undefined leave the name out, a list repeats it. */
export type Value = string | number | boolean | bigint | null | undefined;
/** Query or form values by name. */
export type Values = Readonly<Record<string, Value | readonly Value[]>>;
/** What a `{name}` of a path may be. */
export type PathValue = string | number | bigint | boolean;

/** A path as the caller wrote it, checked and split. */
export interface Template {
  /** One more than names; the first begins with a slash, all are encoded. */
  readonly literals: readonly string[];
  readonly names: readonly string[];
  /** The query after `?`, encoded. */
  readonly query: string;
  /** The path alone, as routes know it. */
  readonly path: string;
  /** Of an absolute URL. */
  readonly origin: string | null;
}

const UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
const IN_PATH: ReadonlySet<string> = new Set(`${UNRESERVED}!$&'()*+,;=:@/%`);
const IN_QUERY: ReadonlySet<string> = new Set(`${UNRESERVED}!$&'()*+,;=:@/%?`);

/** Reads a path or an absolute URL. */
export function template(text: string): Template {
  const { origin, rest } = split(text);
  for (const char of rest) {
    if (char < " " || char === "\u007f") throw new UrlMistake("a path has no control characters");
    if (char === "\\") throw new UrlMistake('a path has no "\\"; write "/"');
  }
  const mark = rest.indexOf("?");
  const path = mark < 0 ? rest : rest.slice(0, mark);
  const { literals, names } = cut(path);
  for (const segment of path.split("/")) {
    if (isDots(segment)) throw new UrlMistake('a path has no "." or ".." segments');
  }
  return { literals, names, path, origin, query: mark < 0 ? "" : encode(rest.slice(mark + 1), IN_QUERY) };
}

/**
 * Builds the URL of one call. `base` has no slash at its end; `also` holds values of the policy, which the call's own
 * values replace.
 */
export function resolve(
  base: string | null,
  from: Template,
  values: Readonly<Record<string, PathValue>> | undefined,
  query: Values | undefined,
  also?: Values,
): string {
  let url = root(base, from.origin);
  url += from.literals[0] as string;
  for (let at = 0; at < from.names.length; at++) {
    const name = from.names[at] as string;
    url += pathValue(name, values?.[name]) + (from.literals[at + 1] as string);
  }
  for (const name in values) {
    if (!from.names.includes(name)) throw new UrlMistake(`the path has no {${component(name)}}`);
  }
  let asked = from.query;
  if (also !== undefined) asked = join(asked, encodeValues(query === undefined ? also : without(also, query)));
  if (query !== undefined) asked = join(asked, encodeValues(query));
  return asked === "" ? url : `${url}?${asked}`;
}

/** Encodes a query: `a=1&a=2&b=x`, percent-encoded except for unreserved characters. */
export function encodeValues(values: Values): string {
  let out = "";
  for (const [name, value] of pairs(values)) out = join(out, `${component(name)}=${component(value)}`);
  return out;
}

/** Encodes a form's body, in which a space is a plus (https://url.spec.whatwg.org/#urlencoded-serializing). */
export function encodeForm(values: Values): string {
  return String(new URLSearchParams(pairs(values)));
}

function pairs(values: Values): [string, string][] {
  const found: [string, string][] = [];
  for (const name of Object.keys(values)) {
    const value = values[name];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const each of list) if (each !== null && each !== undefined) found.push([name, scalar(name, each)]);
  }
  return found;
}

function split(text: string): { origin: string | null; rest: string } {
  if (text.includes("#")) throw new UrlMistake('a path has no "#"; write "%23", or leave the fragment out');
  if (text.startsWith("/")) return { origin: null, rest: text };
  if (!text.includes("://")) throw new UrlMistake('a path begins with "/"');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UrlMistake("not a URL");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw new UrlMistake("only http and https are spoken here");
  if (url.username !== "" || url.password !== "")
    throw new UrlMistake("a URL has no user or password; use credentials");
  const after = text.indexOf("/", text.indexOf("://") + 3);
  const mark = text.indexOf("?");
  if (after < 0 || (mark >= 0 && mark < after))
    return { origin: url.origin, rest: `/${mark < 0 ? "" : text.slice(mark)}` };
  return { origin: url.origin, rest: text.slice(after) };
}

function root(base: string | null, origin: string | null): string {
  if (base === null) throw new UrlMistake("the policy has no baseUrl; write it there or pass the baseUrl option");
  if (origin === null) return base;
  if (new URL(base).origin !== origin) throw new UrlMistake("an absolute URL must have the origin of baseUrl");
  return origin;
}

function cut(path: string): { literals: string[]; names: string[] } {
  const literals: string[] = [];
  const names: string[] = [];
  let at = 0;
  for (let open = path.indexOf("{"); open >= 0; open = path.indexOf("{", at)) {
    const close = path.indexOf("}", open);
    const name = path.slice(open + 1, close);
    if (close < 0 || name === "" || name.includes("{")) throw new UrlMistake('"{" opens a {name}');
    literals.push(encode(path.slice(at, open), IN_PATH));
    names.push(name);
    at = close + 1;
  }
  literals.push(encode(path.slice(at), IN_PATH));
  if (literals.some((literal) => literal.includes("%7D"))) throw new UrlMistake('"}" closes a {name}');
  return { literals, names };
}

function pathValue(name: string, value: unknown): string {
  if (value === undefined || value === null) throw new UrlMistake(`no value for {${component(name)}}`);
  const text = component(scalar(name, value));
  if (text === "") throw new UrlMistake(`the value of {${component(name)}} is empty`);
  if (isDots(text)) throw new UrlMistake(`the value of {${component(name)}} is "." or ".."`);
  return text;
}

/** URL parsers read %2e as a dot. */
function isDots(segment: string): boolean {
  const plain = segment.length > 6 ? segment : segment.toLowerCase().replaceAll("%2e", ".");
  return plain === "." || plain === "..";
}

function scalar(name: string, value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      if (Number.isFinite(value)) return String(value);
      break;
    case "boolean":
    case "bigint":
      return String(value);
  }
  throw new UrlMistake(`${component(name)}: not a string, number or boolean`);
}

function component(text: string): string {
  let out: string;
  try {
    out = encodeURIComponent(text);
  } catch {
    throw new UrlMistake("half a surrogate pair is no text");
  }
  for (const char of "!'()*") {
    if (out.includes(char)) out = out.replaceAll(char, `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  }
  return out;
}

function encode(text: string, allowed: ReadonlySet<string>): string {
  let out = "";
  for (const char of text) out += allowed.has(char) ? char : component(char);
  return out;
}

function join(left: string, right: string): string {
  return left === "" ? right : right === "" ? left : `${left}&${right}`;
}

function without(values: Values, names: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(names, name)));
}
