import { Pool } from 'undici';
import { bodiesOf, numbersIn } from './bodies.ts';
import { CONCURRENCY, ENROLL_PATH, inParallel, SOCKETS, type Variant, type VariantSettings } from './variant.ts';

/** The least that can be done: bytes that lie in memory, posted by undici. Nothing is durable, nothing is sealed, nothing is known afterwards. */
export function openBare({ stub, aim }: VariantSettings): Variant {
  const pool = new Pool(stub, { connections: SOCKETS, pipelining: 1 });
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const all = bodiesOf(aim);
  let bodies: Buffer[] = [];
  return {
    async prepare(range) {
      bodies = numbersIn(range).map(all.of);
    },
    run: () => timed(bodies, (body) => pool.request({ method: 'POST', path: ENROLL_PATH, headers, body })),
    async finish() {
      bodies = [];
    },
    close: () => pool.close(),
  };
}

/** The same of a look-up. */
export function openBareLookUps({ stub }: VariantSettings): Variant {
  const pool = new Pool(stub, { connections: SOCKETS, pipelining: 1 });
  const headers = { accept: 'application/json' };
  let numbers: number[] = [];
  return {
    async prepare(range) {
      numbers = numbersIn(range);
    },
    run: () =>
      timed(numbers, (number) =>
        pool.request({ method: 'GET', path: `${ENROLL_PATH}/transactions/${number}`, headers }),
      ),
    async finish() {
      numbers = [];
    },
    close: () => pool.close(),
  };
}

async function timed<T>(items: readonly T[], request: (item: T) => ReturnType<Pool['request']>): Promise<number[]> {
  const took: number[] = [];
  await inParallel(items, CONCURRENCY, async (item) => {
    const began = performance.now();
    const response = await request(item);
    if (response.statusCode !== 200) throw new Error(`answered with ${response.statusCode}`);
    await response.body.json();
    took.push(performance.now() - began);
  });
  return took;
}
