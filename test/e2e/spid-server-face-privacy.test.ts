import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { OPERATOR, startTestGateway } from '@atesto/gateway/gateway.fixture';
import { callFace, type FaceCall } from '@atesto/gateway/spid-server-face.fixture';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite, type SpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { portrait } from '../contract/spid-house.ts';
import { waitFor } from '../stack/wait-for.ts';
import { CANARY_EMAIL, CANARY_PICTURE, newcomer, pastGateway, requests } from './spid-server-face-writes.fixture.ts';
import { startTestWorkers } from './workers.fixture.ts';

let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers> | undefined;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => {
  await workers?.close();
  await gateway?.close();
});

const writes = (Object.keys(spidServerOperations) as SpidServerOperationName[]).filter(isSpidWrite);

/** A text in every form in which a dump could show it: as it is, in hex, and in base64 wherever it begins. */
function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.from('x'.repeat(shift) + secret).toString('base64');
    // Without the groups that neighbours share.
    return text.slice(4, text.length - 4);
  });
  return [secret, Buffer.from(secret).toString('hex'), ...base64];
}

/** All that is written down and is not sealed, with where it stands. */
async function everythingSaid(): Promise<[where: string, text: string][]> {
  const { db, metrics } = gateway.context;
  const { rows: tables } = await db.query<{ schema: string; name: string }>(
    `select table_schema as schema, table_name as name from information_schema.tables
      where table_schema in ('public', 'bullmq') and table_type = 'BASE TABLE'`,
  );
  const dumps = await Promise.all(
    tables.map(async ({ schema, name }): Promise<[string, string]> => {
      const { rows } = await db.query(`select t::text as row from "${schema}"."${name}" t`);
      return [`${schema}.${name}`, JSON.stringify(rows)];
    }),
  );
  const files = await readdir(gateway.vaultDir, { recursive: true, withFileTypes: true });
  const sealed = await Promise.all(
    files.filter((one) => one.isFile()).map(async (one) => readFile(path.join(one.parentPath, one.name), 'latin1')),
  );
  return [
    ...dumps,
    ['vault', sealed.join('\n')],
    ['names in the vault', files.map(({ name }) => name).join('\n')],
    ['log', gateway.logged()],
    ['metrics of the gateway', (await metrics.expose()).body],
    ['metrics of the workers', (await workers?.metrics()) ?? ''],
  ];
}

async function expectNowhere(secrets: readonly string[]): Promise<void> {
  for (const [where, text] of await everythingSaid()) {
    for (const form of secrets.flatMap(formsOf)) expect(text.includes(form), `${form} in ${where}`).toBe(false);
  }
}

it('writes and their answers are told to nobody but SPID Server and their caller', async () => {
  const { limits, db } = gateway.context;
  const way = pastGateway(gateway);
  const asked = new Map<SpidWrite, FaceCall>();
  for (const name of writes) asked.set(name, await requests[name](gateway, way));
  const everything = JSON.stringify([...asked.values()]);
  const people = new Set(everything.match(/\b0{5}\d{6}\b/g));
  expect(people.size).toBeGreaterThan(10);
  const secrets = [...people, OPERATOR, CANARY_EMAIL, CANARY_PICTURE, portrait('bia').slice(2_000, 2_040)];
  // What is looked for can be found: it is in what is sent.
  const plain = [everything, Buffer.from(everything).toString('hex')];
  for (const secret of secrets) {
    expect(
      plain.some((text) => formsOf(secret).some((form) => text.includes(form))),
      secret,
    ).toBe(true);
  }

  limits.waitMsMax = 50;
  const call = (name: SpidWrite) => callFace(gateway, name, asked.get(name) ?? {});
  for (const name of writes) await call(name);
  const { rows: jobs } = await db.query('select from bullmq.job');
  expect(jobs.length).toBeGreaterThanOrEqual(writes.length);
  await expectNowhere(secrets);

  // Refused, lost, dead and done: each says something in the log.
  limits.waitMsMax = 30_000;
  const faults = {
    deleteOperator: { type: 'status', status: 422 },
    operatorInsert: { type: 'drop-after-accept' },
    faceDetect: { type: 'drop-after-accept' },
    createRemoteEnroll: { type: 'malformed-json' },
  } as const;
  for (const [operation, fault] of Object.entries(faults)) gateway.spid.behaviours.add({ operation, fault, times: 1 });
  workers = startTestWorkers(gateway, { hurried: true });
  const open = async () =>
    (await db.query(`select from transactions where state in ('accepted', 'submitting', 'retrying', 'unknown')`)).rows;
  await waitFor(async () => (await open()).length === 0, { what: 'the end of every write' });
  const answers = await Promise.all(
    writes.filter((name) => !(name in faults)).map(async (name) => (await call(name)).text()),
  );
  const links = answers.join('\n').match(/(?<=applicant\/)[\w-]+/g) ?? [];
  expect(links.length).toBeGreaterThanOrEqual(4);

  // And what is refused at the door.
  const [stranger] = people;
  const wrong: [SpidServerOperationName, FaceCall][] = [
    ['deletePSBioPerson', { params: { cpf: stranger as string, mot: 'X' } }],
    ['getPerson', { params: { key: newcomer() } }],
    ['createRemoteVerify', { body: { data: { clientID: stranger, operatorID: 'joe', clientEmail: CANARY_EMAIL } } }],
    ['operatorInsert', { body: `{"data":{"document":"${stranger}"` }],
  ];
  for (const [name, request] of wrong) expect((await callFace(gateway, name, request)).ok).toBe(false);

  expect(gateway.logged()).toContain('transaction-abandoned');
  expect(gateway.logged()).toContain('transaction-failed');
  expect(await workers.metrics()).toContain('atesto_');
  await expectNowhere([...secrets, ...links]);
});
