import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { post, SOMEBODY, startTestGateway } from '@atesto/gateway/gateway.fixture';
import { submissionOf } from '@atesto/gateway/spid-server-face.fixture';
import type { ExternalResult } from '@atesto/shared/contracts/spid-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import { startTestWorkers } from './workers.fixture.ts';

let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers>;
beforeAll(async () => {
  gateway = await startTestGateway();
  workers = startTestWorkers(gateway);
});
afterAll(async () => {
  await workers?.close();
  await gateway?.close();
});

const get = (path: string) =>
  fetch(`${gateway.url}/gbs-spid-server/${path}`, { headers: { authorization: `Bearer ${gateway.system.key}` } });
const submit = async (path: string, text: string) => {
  const response = await post(gateway, `/gbs-spid-server/${path}`, text, { key: gateway.system.key });
  return [response.status, (await response.json()) as ExternalResult] as const;
};

describe('a program written for SPID Server', () => {
  it('enrolls and verifies somebody through the gateway, and reads what became of it by the ids it was given', async () => {
    const enrol = submissionOf('enrolled');
    const [status, accepted] = await submit('people', enrol.text);
    expect([status, accepted.status]).toEqual([200, 'ENROLL_PENDING']);
    const result = async () => (await (await get(`people/transactions/${accepted.id}`)).json()) as ExternalResult;
    await waitFor(async () => (await result()).status === 'ENROLL_OK', { what: 'the enrolment' });
    expect((await get(`people/${SOMEBODY}`)).status).toBe(200);

    const search = submissionOf('verified');
    const [, found] = await submit('verify', search.text);
    expect(found.status).toBe('SEARCH_MATCH');
    expect(await (await get(`verify/${found.id}`)).json()).toEqual(found);
    expect(await submit('verify', search.text)).toEqual([200, found]);
    expect(await (await get(`report/${found.id}`)).text()).toMatch(/^%PDF-/);

    for (const [operation, sent] of [
      ['enroll', enrol],
      ['verify', search],
    ] as const) {
      const arrived = gateway.spid.received.of(operation);
      expect(arrived.map(({ body }) => body)).toEqual([sent.json]);
    }
    expect(gateway.logged()).not.toContain(SOMEBODY);
  });

  it('is never sent anything else than what it gave: a body that was changed on disk stops for a person', async () => {
    await gateway.spid.pause();
    const sent = gateway.spid.received.of('enroll').length;
    const [, accepted] = await submit('people', submissionOf('damaged').text);
    const { db } = gateway.context;
    const { rows } = await db.query('select payload from transactions where id = $1', [accepted.id]);
    const files = await readdir(gateway.vaultDir, { recursive: true, withFileTypes: true });
    const file = files.find(({ name }) => name.startsWith(rows[0].payload));
    if (!file) throw new Error('the vault has no such file');
    const where = path.join(file.parentPath, file.name);
    const bytes = await readFile(where);
    // Not at its end: a file is filled up to a whole block.
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(where, bytes);
    await gateway.spid.resume();
    const look = async () =>
      (await db.query('select state, reason from transactions where id = $1', [accepted.id])).rows[0];
    await waitFor(async () => (await look()).state === 'dead', { what: 'the end', timeoutMs: 20_000 });
    expect(await look()).toEqual({ state: 'dead', reason: 'payload-tampered' });
    expect(gateway.spid.received.of('enroll')).toHaveLength(sent);
  });

  it('is told what was accepted while the upstream is away, and the answer when it is back', async () => {
    await gateway.spid.pause();
    const { waitMsMax } = gateway.context.limits;
    gateway.context.limits.waitMsMax = 300;
    const [, held] = await submit('verify', submissionOf('meanwhile').text);
    gateway.context.limits.waitMsMax = waitMsMax;
    expect(held.status).toBe('SEARCH_PENDING');
    await gateway.spid.resume();
    const word = async () => ((await (await get(`verify/${held.id}`)).json()) as ExternalResult).status;
    await waitFor(async () => (await word()) === 'SEARCH_MATCH', { what: 'the match' });
  });
});
