import { Pool } from 'undici';
import { bodyOf } from './bodies.ts';
import { CONCURRENCY, ENROLL_PATH, inParallel, numbersIn, SOCKETS, type Variant } from './variant.ts';

/** The least that can be done: bytes that lie in memory, posted by undici. Nothing is durable, nothing is sealed, nothing is known afterwards. */
export function openBare({ stub }: { stub: string }): Variant {
  const pool = new Pool(stub, { connections: SOCKETS, pipelining: 1 });
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  let bodies: Buffer[] = [];
  return {
    async prepare(range) {
      bodies = numbersIn(range).map(bodyOf);
    },
    async run() {
      const took: number[] = [];
      await inParallel(bodies, CONCURRENCY, async (body) => {
        const began = performance.now();
        const response = await pool.request({ method: 'POST', path: ENROLL_PATH, headers, body });
        if (response.statusCode !== 200) throw new Error(`answered with ${response.statusCode}`);
        await response.body.json();
        took.push(performance.now() - began);
      });
      return took;
    },
    async finish() {
      bodies = [];
    },
    close: () => pool.close(),
  };
}
