import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliver, enrolmentsOf } from '../faults/enrolments.fixture.ts';
import { type FaultHouse, OPERATOR, openFaultHouse } from '../faults/fault-house.fixture.ts';
import { call } from '../stack/call.ts';
import type { Station } from '../stack/house.ts';
import { waitFor } from '../stack/wait-for.ts';

/** As the manual of a bank's installation might say. */
const profile = {
  server: { getStatus: { path: '/gbs-spid-server/health' }, getFile: { method: 'POST' } },
  services: { verify: { method: 'POST', path: '/person/{cpf}/verify' } },
  statuses: { ENROLL_DONE: 'enrolled' },
};

describe('a house with a SPID profile', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'atesto-profile-'));
  let house: FaultHouse;
  let station: Station;
  let stationId: string;
  beforeAll(async () => {
    const SPID_PROFILE = path.join(folder, 'profile.json');
    writeFileSync(SPID_PROFILE, JSON.stringify(profile));
    // Nothing is decided by itself: the words come from the test.
    house = await openFaultHouse({ env: { SPID_PROFILE }, enrollDelayMs: 600_000 });
    const route = '/v1/stations/enrolments';
    const { code } = await house.api<{ code: string }>(house.administrator, 'POST', route, { name: 'branch 12' });
    station = await house.startStation({ name: 'branch', code });
    stationId = await waitFor(
      async () => {
        const [found] = await house.api<{ id: string; connected: boolean }[]>(house.key, 'GET', '/v1/stations');
        return found?.connected && found.id;
      },
      { what: 'the line' },
    );
  });
  afterAll(async () => {
    await house?.close();
    rmSync(folder, { recursive: true });
  });

  const asSystem = (method: 'GET' | 'POST', route: string) =>
    call(method, `${house.gateway.url}${route}`, { headers: { authorization: `Bearer ${house.key}` } });

  it.each([
    { operation: 'getStatus', method: 'GET', route: 'health', old: ['GET', 'status'] },
    { operation: 'getFile', method: 'POST', route: 'client-update', old: ['GET', 'client-update'] },
  ] as const)('serves $operation at its new route, and asks SPID Server there', async ({ operation, ...row }) => {
    expect((await asSystem(row.method, `/gbs-spid-server/${row.route}`)).status).toBe(200);
    expect(await house.platform.received(operation)).toMatchObject([{ status: 200 }]);
    const [method, old] = row.old;
    expect((await asSystem(method, `/gbs-spid-server/${old}`)).status).toBe(404);
    expect((await call(method, `${house.spid.url}/gbs-spid-server/${old}`)).status).toBe(404);
  });

  it('serves Verify at its new route, at the station and from afar', async () => {
    const { cpf } = enrolmentsOf('nobody')();
    const base = '/gbs-spid-services/api';
    expect(statusOf(await call('GET', `${station.url}${base}/login/${OPERATOR}`))).toEqual([200, 'OPERATOR_OK']);
    for (const ask of [
      (method: 'GET' | 'POST', route: string) => call(method, `${station.url}${base}/${route}`),
      (method: 'GET' | 'POST', route: string) => asSystem(method, `/stations/${stationId}${base}/${route}`),
    ]) {
      expect(statusOf(await ask('POST', `person/${cpf}/verify`))).toEqual([200, 'PERSON_NOT_FOUND']);
      expect((await ask('GET', `verify/${cpf}`)).status).toBe(404);
      expect((await ask('GET', `person/${cpf}/verify`)).status).toBe(404);
    }
  });

  const concluded = { state: 'concluded', verdict: 'enrolled', upstreamStatus: 'ENROLL_DONE' };
  it.each([
    {
      how: 'a poll',
      faults: [{ operation: 'getEnrollResult', fault: { type: 'status-word', word: 'ENROLL_DONE' } }],
      events: ['accepted', 'claimed', 'taken', 'concluded'],
    },
    {
      how: 'the look for a lost answer',
      faults: [
        { operation: 'enroll', fault: { type: 'drop-after-accept' }, times: 1 },
        { operation: 'getPersonTransactionData', fault: { type: 'status-word', word: 'ENROLL_DONE' } },
      ],
      events: ['accepted', 'claimed', 'lost', 'concluded'],
    },
  ] as const)('takes the word of the profile for an end, by $how', async ({ faults, events }) => {
    await house.platform.behave();
    await house.platform.misbehave(...faults);
    const enrolment = enrolmentsOf(events.join())();
    expect(await deliver(house, enrolment)).toMatchObject({ status: 201 });
    const { id } = enrolment;
    const ended = await waitFor(
      async () => {
        const row = await house.api<{ state: string }>(house.key, 'GET', `/v1/transactions/${id}`);
        return row.state === 'concluded' || row.state === 'dead' ? row : undefined;
      },
      { what: 'the end', timeoutMs: 30_000 },
    );
    expect(ended).toMatchObject(concluded);
    const history = await house.api<{ type: string }[]>(house.key, 'GET', `/v1/transactions/${id}/events`);
    expect(history.map(({ type }) => type)).toEqual(events);
  });
});

function statusOf({ status, body }: { status: number; body: Buffer }): [number, string] {
  return [status, JSON.parse(body.toString()).status];
}
