import { generateKeyPairSync } from 'node:crypto';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { startTestGateway } from '@atesto/gateway/gateway.fixture';
import type { IdcloudAccount, IdcloudKey } from '@atesto/shared/contracts/idcloud-accounts';
import { createTokenStore } from '@atesto/shared/ledger/idcloud-tokens';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction, listEvents } from '@atesto/shared/ledger/transactions';
import { createIdcloudAccounts, type IdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import { openAnswer } from '@atesto/shared/vault/answer-column';
import { tokenColumn } from '@atesto/shared/vault/token-column';
import { type CourseName, testCpfs } from '@atesto/simulators/idcloud/outcomes';
import { createIdcloudSimulator, type IdcloudSimulator } from '@atesto/simulators/idcloud/simulator';
import { encodePng } from '@atesto/simulators/spid-server/biometrics';
import type { Workers } from '@atesto/workers/workers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import { startTestWorkers } from './workers.fixture.ts';

const tenantId = '0f5a5a4e-7a4e-4f5a-9d0e-3f6f1f7a1c11';
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const key = (name: string, ...capabilities: IdcloudKey['capabilities'][number][]): IdcloudKey => ({
  ...{ name, capabilities, apiKey: `key ${name}`, edition: 'D' },
  sdkOnly: name === 'sdk',
});
const keys = [
  key('identity', 'liveness', 'identity'),
  key('sdk', 'liveness', 'identity'),
  key('score', 'liveness', 'identity', 'score'),
  key('documents', 'documents'),
];
const portrait = Buffer.from(
  encodePng({ width: 480, height: 640, pixels: new Uint8Array(480 * 640), dpiX: 72, dpiY: 72 }),
).toString('base64');

let simulator: IdcloudSimulator;
let upstreams: IdcloudAccounts;
let gateway: TestGateway;
let workers: Workers;
beforeAll(async () => {
  const { publicKey } = rsa;
  simulator = createIdcloudSimulator({ account: 'atesto', tenantId, publicKey, apiKeys: keys, requestsPerSecond: 0 });
  const url = await simulator.listen();
  const account: IdcloudAccount = {
    name: 'decisions',
    clientUrl: url,
    unicoUrl: url,
    signUrl: url,
    token: { tokenUrl: simulator.tokenUrl, account: 'atesto', tenantId, privateKey: rsa.privateKey },
    keys,
    webhook: undefined,
    requestsPerSecond: 100,
  };
  // One key more than the workers know: it was taken out of their settings.
  const accepting = { ...account, keys: [...keys, key('gone', 'liveness', 'identity')] };
  gateway = await startTestGateway({}, { idcloudAccounts: [accepting] });
  const { db, keyRing } = gateway.context;
  upstreams = createIdcloudAccounts([account], {
    connections: 4,
    timeouts: { connectMs: 5_000, submitMs: 15_000, readMs: 5_000 },
    tokens: createTokenStore(db, tokenColumn(keyRing)),
  });
  workers = startTestWorkers(gateway, { idcloud: { accounts: [account], upstreams } });
});
afterAll(async () => {
  await workers?.close();
  await gateway?.close();
  await upstreams?.close();
  await simulator?.close();
});
const face = (course: CourseName, imageBase64 = portrait) => ({
  subject: { code: testCpfs[course], name: 'Pessoa Virtual' },
  imageBase64,
});

/** Through the face, until it is settled. */
async function send(
  keyName: string,
  body: object,
  signal?: AbortSignal,
): Promise<{ answer: { id: string }; row: TransactionRow }> {
  const response = await fetch(`${gateway.url}/idcloud/processes/v1`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.system.key}`,
      apikey: `key ${keyName}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as { id: string };
  return { answer, row: await settled(answer.id) };
}

async function settled(id: string): Promise<TransactionRow> {
  let row: TransactionRow | undefined;
  await waitFor(
    async () => {
      row = await getTransaction(gateway.context.db, id);
      return row?.state === 'concluded' || row?.state === 'dead';
    },
    { what: 'its end', timeoutMs: 25_000 },
  );
  return row as TransactionRow;
}
const eventsOf = async (id: string) => (await listEvents(gateway.context.db, id)).map(({ type }) => type);
const reasonsOf = async (id: string) =>
  (await listEvents(gateway.context.db, id)).flatMap(({ detail }) => (detail?.reason ? [detail.reason] : []));

describe('a process that comes to nothing', () => {
  /** All at once: three new attempts take seven seconds. */
  const sent = {} as Record<'once' | 'always' | 'sdk' | 'cancelled' | 'later', Awaited<ReturnType<typeof send>>>;
  beforeAll(async () => {
    const capture = ['{"alg":"none"}', JSON.stringify({ iat: Math.floor(Date.now() / 1000) }), 's'];
    const jwt = capture.map((part) => Buffer.from(part).toString('base64url')).join('.');
    await Promise.all([
      send('identity', face('error-once')).then((done) => Object.assign(sent, { once: done })),
      send('identity', face('error')).then((done) => Object.assign(sent, { always: done })),
      send('sdk', face('error', jwt)).then((done) => Object.assign(sent, { sdk: done })),
      send('identity', face('cancelled')).then((done) => Object.assign(sent, { cancelled: done })),
      send('identity', face('processing-cancelled')).then((done) => Object.assign(sent, { later: done })),
    ]);
  });

  it('is sent anew, and concludes when that goes well', async () => {
    const { answer, row } = sent.once;
    expect(row).toMatchObject({ state: 'concluded', verdict: 'completed', upstreamStatus: '3', attempt: 2 });
    expect(row).toMatchObject({ reason: 'accept', result: { status: 3, unicoId: { result: 'yes' } } });
    expect(await eventsOf(answer.id)).toEqual(['accepted', 'claimed', 'voided', 'claimed', 'concluded']);
  });

  it('is sent anew three times, and then people go on another way', async () => {
    const { answer, row } = sent.always;
    expect(row).toMatchObject({ state: 'concluded', verdict: 'contingency', upstreamStatus: '5', attempt: 4 });
    expect(row).toMatchObject({ reason: 'process-error', result: { status: 5 } });
    expect(answer).toEqual({ id: row.id, status: 5 });
    expect((await eventsOf(answer.id)).filter((type) => type === 'voided')).toHaveLength(3);
  });

  it('is not sent anew where its capture was good for one submission', () => {
    const { answer, row } = sent.sdk;
    expect(row).toMatchObject({ verdict: 'contingency', upstreamStatus: '5', reason: 'process-error', attempt: 1 });
    expect(row.operation).toBe('createSdkProcess');
    expect(answer).toEqual({ id: row.id, status: 5 });
  });

  it.each(['cancelled', 'later'] as const)('is sent anew when it is cancelled (%s)', async (which) => {
    const { answer, row } = sent[which];
    expect(row).toMatchObject({ verdict: 'contingency', upstreamStatus: '4', attempt: 4, reason: 'cancelled' });
    expect(await reasonsOf(answer.id)).toEqual(Array(4).fill('cancelled'));
  });
});

it('waits for a key that is not configured any more', async () => {
  const hangUp = new AbortController();
  const gone = send('gone', face('yes'), hangUp.signal).catch((error: Error) => error.name);
  await waitFor(
    async () => {
      const { rows } = await gateway.context.db.query(
        `select state, reason, attempt from transactions where key_name = 'gone' and state = 'retrying'`,
      );
      return rows[0]?.reason === 'not-configured';
    },
    { what: 'its being put off' },
  );
  expect(simulator.processes.all(testCpfs.yes)).toEqual([]);
  hangUp.abort();
  expect(await gone).toBe('AbortError');
});

describe('what is written down', () => {
  it('is a divergence as it goes on, and the score at its end', async () => {
    const { answer, row } = await send('score', face('divergence'));
    expect(answer).toMatchObject({ status: 1 });
    expect(row).toMatchObject({ verdict: 'completed', reason: 'score', result: { status: 3, score: 28 } });
    expect(await eventsOf(answer.id)).toEqual(['accepted', 'claimed', 'taken', 'progressed', 'concluded']);
  });

  it('of a document is sealed, but for what names nobody', async () => {
    const proof = await send('identity', face('yes'));
    const document = { purpose: 'onboarding', authProcessId: proof.answer.id, files: [{ data: portrait }] };
    const { row } = await send('documents', { subject: face('yes').subject, document });
    expect(row).toMatchObject({ kind: 'idcloud.document', verdict: 'completed', result: { status: 3 } });
    expect(JSON.stringify(row.result)).not.toMatch(/content|http/);
    const { keyRing } = gateway.context;
    const kept = openAnswer(keyRing, row.id, row.answerSealed ?? Buffer.alloc(0));
    expect(JSON.parse(kept.body).document).toMatchObject({ cpfMatch: true, fileUrls: [expect.any(String)] });
  });

  it('is one token for all of it, sealed', async () => {
    const { rows } = await gateway.context.db.query('select id, version from idcloud_tokens');
    expect(rows).toEqual([{ id: 'decisions', version: 1 }]);
    expect(simulator.identity.issued).toBe(1);
  });
});
