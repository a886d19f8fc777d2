import { startTestGateway, type TestGateway } from '@atesto/gateway/gateway.fixture';
import { issueSystemKey } from '@atesto/shared/ledger/credentials';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { createSpidServerClient, type SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { startTestWorkers } from '../e2e/workers.fixture.ts';
import { waitFor } from '../stack/wait-for.ts';
import { type House, openHouse } from './spid-house.ts';

/** A caller of the gateway's face that nobody knew before, and the server behind it. */
export interface FaceVisit extends House {
  /** The caller's client; the house's own goes past the gateway. */
  face: SpidServerClient;
  /** An answer with SPID Server's own id in the place of ours. */
  theirs(value: unknown): Promise<unknown>;
  /** Resolves when a worker has tried and the server was away. */
  triedInVain(): Promise<void>;
}

/** Gateway and workers, before servers that come and go. */
export interface FaceHouse {
  url: string;
  visit(work: (visit: FaceVisit) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function openFaceHouse(): Promise<FaceHouse> {
  const gateway = await startTestGateway();
  const workers = startTestWorkers(gateway, { hurried: true });
  const port = Number(new URL(gateway.spid.url).port);
  await gateway.spid.close();
  return {
    url: gateway.url,
    async visit(work) {
      const house = await openHouse({}, {}, port);
      const { key } = await issueSystemKey(gateway.context.db, 'contract');
      const face = createSpidServerClient({ url: gateway.url, bearer: key });
      try {
        await work({
          ...house,
          face,
          theirs: (value) => withTheirId(gateway, value),
          triedInVain: () => waitFor(() => isRetrying(gateway), { what: 'a try in vain' }).then(() => {}),
        });
      } finally {
        await face.close();
        await forget(gateway);
        await house.close();
      }
    },
    async close() {
      await workers.close();
      await gateway.close();
    },
  };
}

async function withTheirId({ context }: TestGateway, value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  const name = ['id', 'tguid'].find((one) => one in value);
  const ours = name && String((value as Record<string, unknown>)[name]);
  const row = ours && /^[0-9a-f-]{36}$/.test(ours) ? await getTransaction(context.db, ours) : undefined;
  return name && row?.upstreamId ? { ...value, [name]: row.upstreamId } : value;
}

async function isRetrying({ context: { db } }: TestGateway): Promise<boolean> {
  const { rows } = await db.query(`select from transactions where state = 'retrying'`);
  return rows.length > 0;
}

/** What waits for a server that goes is not taken to the next one. */
async function forget({ context: { db } }: TestGateway): Promise<void> {
  await db.query(`update transactions set state = 'erased', due_at = null where due_at is not null`);
}
