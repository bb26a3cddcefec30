// The headers of a verb: the policy's, the client's own, and the caller's, who wins. Names are compared without case.

/** Headers as fetch takes them, by whatever name the platform's types call it. */
export type HeaderSource = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** The value of one header in any form that fetch or undici takes; null = absent. */
export function valueIn(given: HeaderSource | undefined, name: string): string | null {
  if (given === undefined) return null;
  if (given instanceof Headers) return given.get(name);
  for (const [key, value] of entries(given)) {
    if (key.toLowerCase() === name) return value === undefined ? null : String(value);
  }
  return null;
}

export function entries(given: HeaderSource): Iterable<readonly [string, string]> {
  if (Symbol.iterator in given) return given as Iterable<readonly [string, string]>;
  return Object.entries(given);
}
