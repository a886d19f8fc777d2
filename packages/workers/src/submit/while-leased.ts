import type { Deadline } from '../deadline.ts';

/** The claim ended before the body was sent whole. */
export class LeaseOver extends Error {
  override readonly name = 'LeaseOver';
}

/**
 * A body that stops flowing once the claim it is sent under is over. A process that was frozen does not notice by its timers: whatever it
 * finds first when it runs again may be the answer it was waiting for, and then it would send what another worker has sent meanwhile.
 */
export async function* whileLeased(body: AsyncIterable<Uint8Array>, lease: Deadline): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of body) {
    if (lease.leftMs() <= 0) throw new LeaseOver();
    yield chunk;
  }
}
