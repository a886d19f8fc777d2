/** Callers that upload pictures, in a process of their own. */
import { createHash, randomUUID } from 'node:crypto';
import { Client } from 'undici';
import { FIRST_TIMESTAMP, LARGE, OPERATOR, pictureOf, SOMEBODY } from './bodies.ts';
import type { Door } from './callers.ts';
import { answerParent } from './child.ts';

export interface Uploads {
  door: Door;
  callers: number;
  /** Milliseconds. */
  forMs: number;
  /** Makes each picture a transaction. */
  withTransaction: boolean;
}

// Distinct ones, as many as come in a moment; each upload has an id of its own.
const pictures = Array.from({ length: 64 }, (_, seed) => {
  const bytes = pictureOf(LARGE, seed);
  const digest = createHash('sha256').update(bytes).digest('base64');
  return { bytes, digest: `sha-256=:${digest}:` };
});
let captured = FIRST_TIMESTAMP;

async function upload(client: Client, { door: { headers }, withTransaction }: Uploads, at: number): Promise<void> {
  const { bytes, digest } = pictures[at % pictures.length] as (typeof pictures)[number];
  const id = randomUUID();
  const expectCreated = async ({ statusCode, body }: Awaited<ReturnType<Client['request']>>) => {
    const text = await body.text();
    if (statusCode !== 201) throw new Error(`answered with ${statusCode}: ${text}`);
  };
  await expectCreated(
    await client.request({
      method: 'PUT',
      path: `/v1/captures/${id}`,
      headers: { ...headers, 'content-type': 'image/png', 'content-digest': digest },
      body: bytes,
    }),
  );
  if (!withTransaction) return;
  const transaction = {
    kind: 'spid.enroll',
    subject: { cpf: SOMEBODY },
    operator: { cpf: OPERATOR, verification: 'verified' },
    capturedAt: captured++,
    biometrics: [{ index: 6, capture: id }],
  };
  await expectCreated(
    await client.request({
      method: 'POST',
      path: '/v1/transactions',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(transaction),
    }),
  );
}

answerParent({
  /** Each caller uploads its next when the last is answered. @returns how many, and the seconds it took */
  async closedLoop(uploads: Uploads) {
    const { door, callers, forMs } = uploads;
    globalThis.gc?.();
    const clients = Array.from({ length: callers }, () => new Client(door.url, { pipelining: 1 }));
    let count = 0;
    const began = performance.now();
    try {
      await Promise.all(
        clients.map(async (client) => {
          while (performance.now() - began < forMs) await upload(client, uploads, count++);
        }),
      );
      return { count, seconds: (performance.now() - began) / 1000 };
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  },
});
