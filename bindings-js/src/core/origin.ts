// The origin of a URL, for texts and for scopes.

/** Returns a URL's origin; empty for an invalid URL. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "";
}
