// The origin of a URL, for texts and for scopes.

/** A URL's origin, for texts. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "";
}
