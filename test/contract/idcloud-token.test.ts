import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { IdcloudAccounts } from '../../packages/shared/src/upstreams/idcloud-accounts.ts';
import type { SubmitResult } from '../../packages/shared/src/upstreams/upstream.ts';
import { bodyOf, type IdcloudStage, openStage, portrait, somebody } from './idcloud.fixture.ts';

let stage: IdcloudStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

function create(accounts: IdcloudAccounts = stage.accounts): Promise<SubmitResult> {
  const body = bodyOf({ subject: { code: somebody, name: 'Luke Skywalker' }, imageBase64: portrait });
  return accounts.client({ account: 'bank', keyName: 'identity' }).submit('idcloud.process', body);
}

it('is renewed ten minutes before its end', async () => {
  await create();
  stage.clock.now += 49 * 60_000;
  await create();
  expect(stage.simulator.identity.issued).toBe(1);
  stage.clock.now += 61_000;
  await create();
  // Nobody waits for it while the old one serves.
  await vi.waitFor(() => expect(stage.simulator.identity.issued).toBe(2));
});

it('is asked for once by many calls at a time, of both contracts', async () => {
  const { unico } = stage.accounts;
  const reads = [unico({ account: 'bank' }).process('x'), unico({ account: 'bank' }).selfie('x')];
  const results = await Promise.all(Array.from({ length: 8 }, () => create()));
  expect(new Set(results.map((result) => result.kind))).toEqual(new Set(['answered']));
  expect(await Promise.all(reads)).toMatchObject([{ kind: 'refused' }, { kind: 'refused' }]);
  expect(stage.simulator.received.count('token')).toBe(1);
});

it('is renewed and the call made again when it has been revoked; the process exists once', async () => {
  await create();
  stage.simulator.identity.revokeAll();
  expect(await create()).toMatchObject({ kind: 'answered' });
  expect(stage.simulator.processes.all()).toHaveLength(2);
  expect(stage.simulator.received.of('createProcess').map((entry) => entry.status)).toEqual([200, 403, 200]);
  expect(stage.simulator.received.count('token')).toBe(2);
});

it('is renewed after the plain-text 401 of by Unico, too', async () => {
  await create();
  stage.simulator.identity.revokeAll();
  const found = await stage.accounts.unico({ account: 'bank' }).process('80371b2a-3ac7-432e-866d-57fe37896ac6');
  expect(found).toEqual({ kind: 'not-found' });
  expect(stage.simulator.received.of('getUnicoProcess').map((entry) => entry.status)).toEqual([401, 404]);
});

it('is not asked for again and again when it never helps', async () => {
  stage.simulator.behaviours.add({ operation: 'createProcess', fault: { type: 'status', status: 401 } });
  const unavailable = { kind: 'unavailable', reason: 'unauthorized' };
  expect(await create()).toMatchObject({ ...unavailable, httpStatus: 401 });
  expect(await create()).toMatchObject({ ...unavailable, retryAfterMs: 60_000 });
  expect([stage.simulator.received.count('token'), stage.simulator.received.count('createProcess')]).toEqual([2, 2]);
  stage.simulator.behaviours.clear();
  stage.clock.now += 60_000;
  expect(await create()).toMatchObject({ kind: 'answered' });
});

it('serves on while its renewal fails', async () => {
  await create();
  stage.simulator.behaviours.add({ operation: 'token', fault: { type: 'status', status: 503 } });
  stage.clock.now += 55 * 60_000;
  expect(await create()).toMatchObject({ kind: 'answered' });
  await vi.waitFor(() => expect(stage.simulator.received.count('token')).toBe(2));
  stage.clock.now += 6 * 60_000;
  expect(await create()).toMatchObject({ kind: 'unavailable', reason: 'token-unavailable', httpStatus: 503 });
  expect(stage.simulator.processes.all()).toHaveLength(2);
});

it.each([
  ['1.0.1', { tenantId: '11111111-7a4e-4f5a-9d0e-3f6f1f7a1c11' }],
  ['1.2.5', { account: 'nobody' }],
])('is refused with %s; the next call does not ask again', async (upstreamCode, changes) => {
  const other = stage.connect(changes);
  const refused = { kind: 'unavailable', reason: 'token-refused', httpStatus: 400, upstreamCode };
  expect(await create(other)).toEqual(refused);
  expect(await create(other)).toEqual({ ...refused, retryAfterMs: 60_000 });
  expect(stage.simulator.received.count('token')).toBe(1);
  expect(stage.simulator.received.count('createProcess')).toBe(0);
});

it('never uses an assertion twice, though all of them are made in the same second', async () => {
  for (let i = 0; i < 30; i++) expect(await create(stage.connect())).toMatchObject({ kind: 'answered' });
});

it('waits long when the account is locked', async () => {
  await stage.close();
  stage = await openStage({ lockAfter: 1 });
  await create(stage.connect({ account: 'nobody' }));
  const locked = { kind: 'unavailable', reason: 'token-locked', upstreamCode: '1.2.18', retryAfterMs: 900_000 };
  expect(await create()).toMatchObject(locked);
  stage.clock.now += 900_000;
  expect(await create()).toMatchObject({ kind: 'answered' });
});

it('is unavailable while the identity host is away', async () => {
  await stage.simulator.pause();
  expect(await create()).toEqual({ kind: 'unavailable', reason: 'connect-refused' });
  await stage.simulator.resume();
  stage.clock.now += 1_000;
  expect(await create()).toMatchObject({ kind: 'answered' });
});
