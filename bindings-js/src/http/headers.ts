// Headers in the forms that fetch and undici take.

/** Headers as fetch takes them, by whatever name the platform's types call it. */
export type HeaderSource = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** Returns the value of one header; null = absent. */
export function valueIn(given: HeaderSource | undefined, name: string): string | null {
  if (given === undefined) return null;
  if (given instanceof Headers) return given.get(name);
  for (const [key, value] of entries(given)) {
    if (key.toLowerCase() === name) return value === undefined ? null : String(value);
  }
  return null;
}

/** Lists names and values, in any of the forms. */
export function entries(given: HeaderSource): Iterable<readonly [string, string]> {
  if (Symbol.iterator in given) return given as Iterable<readonly [string, string]>;
  return Object.entries(given);
}
