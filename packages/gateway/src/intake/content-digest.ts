/** The SHA-256 in a `Content-Digest` header (RFC 9530), or undefined where there is none of 32 bytes. */
export function parseContentDigest(header: string | string[] | undefined): Buffer | undefined {
  const text = Array.isArray(header) ? header.join(',') : header;
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(text ?? '')?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
