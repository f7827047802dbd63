/** What a browser says of where a request comes from. Programs that are no browsers say nothing, and have no cookies of somebody else. */
export interface Provenance {
  'sec-fetch-site'?: string | string[] | undefined;
  origin?: string | string[] | undefined;
}

/**
 * True when a page of another origin made this request. Ask it before a request that changes something is taken on the strength of a
 * cookie: a browser sends that along whoever asks. A sibling (`same-site`: another port or subdomain) counts as elsewhere.
 * @param ownOrigins where this server's own pages are, such as `https://example.com:8443`
 */
export function crossSite(headers: Provenance, ownOrigins: readonly string[]): boolean {
  const { 'sec-fetch-site': site, origin } = headers;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  return origin !== undefined && (typeof origin !== 'string' || !ownOrigins.includes(origin));
}

/** The origins that are our own for a request: that of its own line and `Host`, and that of the public URL. */
export function ownOrigins({ host, secure, publicUrl }: { host: string | undefined; secure: boolean; publicUrl: string | null }): string[] {
  const own = host === undefined ? null : URL.parse(`${secure ? 'https' : 'http'}://${host}`);
  const open = publicUrl === null ? null : URL.parse(publicUrl);
  return [own, open].flatMap((url) => (url ? [url.origin] : []));
}
