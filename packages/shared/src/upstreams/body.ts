import type { UpstreamBody } from './upstream.ts';

/** A text, such as JSON, as the body of a call. */
export function textBody(text: string | Buffer): UpstreamBody {
  const bytes = Buffer.from(text);
  return {
    length: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}
