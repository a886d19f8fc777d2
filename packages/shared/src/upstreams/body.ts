import type { UpstreamBody } from './upstream.ts';

/** JSON as the body of a call. */
export function jsonBody(json: string | Buffer): UpstreamBody {
  const bytes = Buffer.from(json);
  return {
    length: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}
