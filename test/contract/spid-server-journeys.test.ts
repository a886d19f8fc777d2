import { applyProfile, defaultSpidTables, parseSpidProfile } from '@atesto/shared/contracts/spid-profile';
import type { Cpf } from '@atesto/shared/domain/cpf';
import type { SpidServerSimulatorOptions } from '@atesto/simulators/spid-server/simulator';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ana,
  bia,
  finger,
  type House,
  must,
  newcomer,
  openHouse,
  operator,
  portrait,
  submission,
} from './spid-house.ts';
import { applicantSends, enrolled, remoteBody } from './spid-steps.ts';

let house: House;

async function open(options?: SpidServerSimulatorOptions, connect?: Parameters<typeof openHouse>[1]): Promise<House> {
  house = await openHouse(options, connect);
  return house;
}

afterEach(() => house.close());

const standing = (kind: 'spid.enroll' | 'spid.verify', id: string) => house.client.result(kind, id);
const final = (verdict: string, upstreamStatus: string) => ({
  kind: 'ok',
  value: { final: true, outcome: { verdict, upstreamStatus } },
});
const conflict = { kind: 'unknown', reason: 'conflict', httpStatus: 409, upstreamCode: 'PROCESSING_ERROR' };

describe('remote capture (reference 6.4)', () => {
  const ask = async (name: 'createRemoteVerify' | 'createRemoteEnroll', cpf = bia) =>
    must(await house.client.call(name, { body: remoteBody(cpf) })).tguid;
  const finish = (tguid: string, approval: boolean) =>
    house.client.call('finishRemoteCapture', { params: { tguid }, body: { approval } });

  it.each([
    ['the same face', 'bia', 'match', 'SEARCH_MATCH'],
    ['another face', 'somebody else', 'no-match', 'SEARCH_NOT_MATCH'],
  ])('rows 3–8: verifies by link, face, notification, review and approval: %s', async (_, seed, verdict, word) => {
    await open({ remoteNotifies: false, searchDelayMs: 1_000 });
    const tguid = await ask('createRemoteVerify');
    expect(await standing('spid.verify', tguid)).toMatchObject({ value: { upstreamStatus: 'SEARCH_PENDING' } });
    const notify = () => house.client.call('notificationRemoteCapture', { body: { guid: tguid } });
    expect(await notify()).toEqual(conflict);
    expect(await finish(tguid, true)).toEqual(conflict);
    await applicantSends(house, tguid, seed);
    expect(await house.client.remoteBiometrics(tguid)).toEqual({ kind: 'not-found' });
    expect(await finish(tguid, true)).toEqual(conflict);
    expect(await notify()).toMatchObject({ kind: 'done' });
    expect(await notify()).toMatchObject({ kind: 'done' });
    expect(must(await house.client.remoteBiometrics(tguid))).toMatchObject([{ index: 10, width: 640 }]);
    expect(await finish(tguid, true)).toMatchObject({ kind: 'done', httpStatus: 200 });
    expect(await finish(tguid, true)).toEqual(conflict);
    expect(await standing('spid.verify', tguid)).toMatchObject({ value: { upstreamStatus: 'SEARCH_PENDING' } });
    house.clock += 1_000;
    expect(await standing('spid.verify', tguid)).toEqual(final(verdict, word));
  });

  it("row 3': enrols, and the result is found by either call for it", async () => {
    await open();
    const tguid = await ask('createRemoteEnroll', ana);
    await applicantSends(house, tguid, 'ana');
    await finish(tguid, true);
    expect(await standing('spid.enroll', tguid)).toEqual(final('enrolled', 'ENROLL_OK'));
    const found = await house.client.call('getTransactionGuid', { params: { guid: tguid } });
    expect(found).toMatchObject({ value: { type: 'ENROLL', transaction: { Biometrics: [{ index: 10 }] } } });
  });

  it.each([
    ['createRemoteVerify', 'spid.verify', 'failed', 'SEARCH_FAILED'],
    ['createRemoteEnroll', 'spid.enroll', 'rejected', 'ENROLL_REJECTED'],
  ] as const)("row 6': %s refused by the AR", async (name, kind, verdict, word) => {
    await open();
    const tguid = await ask(name);
    await applicantSends(house, tguid);
    await finish(tguid, false);
    expect(await standing(kind, tguid)).toEqual(final(verdict, word));
  });

  it('row 9: a link that nobody used expires', async () => {
    await open({ remoteTtlMs: 60_000 });
    const tguid = await ask('createRemoteVerify');
    const token = house.simulator.state.remote.get(tguid)?.token;
    house.clock += 60_000;
    expect(await standing('spid.verify', tguid)).toEqual(final('failed', 'SEARCH_FAILED'));
    const payload = { image: portrait('bia') };
    const late = await house.simulator.app.inject({ method: 'POST', url: `/applicant/${token}/face`, payload });
    expect(late.statusCode).toBe(410);
    expect((await house.simulator.app.inject(`/applicant/${token}/state`)).json()).toMatchObject({ stage: 'expired' });
  });

  it('takes one face, once, from the link or from the keeper', async () => {
    await open();
    const tguid = await ask('createRemoteVerify');
    const put = (image: string) =>
      house.simulator.app.inject({ method: 'PUT', url: `/_admin/remote/${tguid}/face`, payload: { image } });
    expect((await put(finger(6, 128).content)).statusCode).toBe(422);
    expect((await put('AAAA')).statusCode).toBe(400);
    expect((await put(portrait('bia'))).statusCode).toBe(204);
    expect((await put(portrait('bia'))).statusCode).toBe(409);
    expect((await house.simulator.app.inject('/_admin/remote')).json()).toMatchObject([{ tguid, stage: 'received' }]);
    expect((await house.simulator.app.inject('/applicant/nobody')).statusCode).toBe(404);
  });

  it('wants an operator who may act', async () => {
    await open();
    const body = { data: { ...remoteBody().data, operatorID: newcomer } };
    const refused = { kind: 'refused', reason: 'unprocessable', upstreamCode: 'PROCESSING_ERROR' };
    expect(await house.client.call('createRemoteVerify', { body })).toMatchObject(refused);
    const image = finger(6, 128).content;
    const detect = { userId: ana, operatorId: operator, image };
    expect(await house.client.call('faceDetect', { body: detect })).toMatchObject(refused);
  });
});

describe('what takes time', () => {
  it('an operator is inserted, enrolled and verified; enrolled twice is a conflict', async () => {
    await open({ operatorDelayMs: 1_000 });
    const status = async () => must(await house.client.call('getOperator', { params: { key: ana } }))?.status;
    await house.client.call('operatorInsert', { body: { data: { document: ana } } });
    expect(await status()).toBe('PENDING');
    expect(await house.client.call('operatorInsert', { body: { data: { document: ana } } })).toEqual(conflict);
    const body = { data: { document: ana, biometrics: [finger(6, 3)] } };
    expect(await house.client.call('enrollOperator', { body })).toMatchObject({ kind: 'done', httpStatus: 201 });
    expect(await status()).toBe('ENQUEUED');
    expect(await house.client.call('enrollOperator', { body })).toEqual(conflict);
    const early = await house.client.call('verify', { body: submission(bia, 20, ana) });
    expect(early).toMatchObject({ kind: 'refused', reason: 'unprocessable' });
    house.clock += 1_000;
    expect(await status()).toBe('VERIFIED');
    expect(await house.client.call('verify', { body: submission(bia, 20, ana) })).toMatchObject({ kind: 'done' });
  });

  it('a deletion is pending, then done; with nothing in its answer, the record tells', async () => {
    await open({ deleteDelayMs: 1_000, deletionStatus: 204 });
    const answer = await house.client.call('deletePerson', { params: { cpf: bia } });
    expect(answer).toEqual({ kind: 'done', value: undefined, httpStatus: 204 });
    expect(await house.client.findTransaction(bia as Cpf)).toMatchObject({ value: [{ status: 'DELETE_PENDING' }] });
    expect(await house.client.person(bia as Cpf)).toMatchObject({ value: { registered: true } });
    house.clock += 1_000;
    expect(await house.client.person(bia as Cpf)).toMatchObject({ value: { registered: false } });
  });

  it('somebody deleted at the PSBio for an error is enrolled anew', async () => {
    await open();
    await house.client.call('deletePSBioPerson', { params: { cpf: bia, mot: 'E' } });
    expect(await standing('spid.enroll', await enrolled(house, bia))).toEqual(final('enrolled', 'ENROLL_OK'));
  });

  it('a rejected enrolment becomes a search, once', async () => {
    await open({ searchDelayMs: 1_000 });
    const id = must(await house.client.call('enroll', { body: submission(bia, 20) })).id;
    const redirect = (guid: string) => house.client.call('redirectEnroll', { params: { guid } });
    const search = must(await redirect(id));
    expect(search).toEqual({ id: expect.any(String), status: 'SEARCH_PENDING' });
    house.clock += 1_000;
    expect(await standing('spid.verify', search.id)).toEqual(final('match', 'SEARCH_MATCH'));
    expect(await standing('spid.enroll', id)).toEqual(final('rejected', 'ENROLL_REJECTED'));
    expect(await redirect(id)).toEqual(conflict);
    expect(await redirect(await enrolled(house))).toEqual(conflict);
  });
});

describe('faults', () => {
  it('an unknown word is kept and ends nothing', async () => {
    await open();
    const id = await enrolled(house);
    house.simulator.behaviours.add({
      operation: 'getEnrollResult',
      fault: { type: 'status-word', word: 'ENROLL_XYZ' },
    });
    const waiting = { final: false, upstreamStatus: 'ENROLL_XYZ', recognised: false };
    expect(await standing('spid.enroll', id)).toEqual({ kind: 'ok', value: waiting });
  });

  it('a changed id: the old one is unknown, the person’s record has the new one', async () => {
    await open();
    const id = await enrolled(house);
    house.simulator.behaviours.add({ operation: 'getEnrollResult', fault: { type: 'changed-id' }, times: 1 });
    const changed = must(await house.client.call('getEnrollResult', { params: { id } })).id;
    expect(changed).not.toBe(id);
    expect(await standing('spid.enroll', id)).toEqual({ kind: 'not-found' });
    expect(await house.client.findTransaction(ana as Cpf)).toMatchObject({ value: [{ id: changed }] });
  });

  it('sent again, a submission has another id', async () => {
    await open();
    expect(await enrolled(house)).not.toBe(await enrolled(house));
  });
});

describe('credentials', () => {
  const credentials = { username: 'ar', password: 'secret' };

  it('are asked for with 401, or 403 where 401 is not declared; sessions have their own', async () => {
    await open({ credentials });
    const { client } = house;
    expect(await client.call('getStatus')).toMatchObject({ httpStatus: 401, upstreamCode: 'SECURITY_ERROR' });
    expect(await client.call('deprecatedOperatorList')).toMatchObject({ httpStatus: 403 });
    expect(await client.call('deprecatedPing')).toMatchObject({ kind: 'ok' });
    expect(await client.call('deprecatedAuthenticate', { body: 'ar:wrong' })).toMatchObject({ httpStatus: 403 });
  });

  it('open what they are for; a session ends when it is closed', async () => {
    await open({ credentials }, credentials);
    const { client } = house;
    expect(await client.call('getStatus')).toMatchObject({ kind: 'ok' });
    const sessionGuid = must(await client.call('deprecatedAuthenticate', { body: 'ar:secret' }));
    const look = () => client.call('deprecatedGetPerson', { params: { sessionGuid, key: bia } });
    expect(await look()).toMatchObject({ kind: 'ok' });
    await client.call('deprecatedCloseSession', { body: sessionGuid });
    expect(await look()).toMatchObject({ kind: 'unavailable', httpStatus: 403, upstreamCode: 'SECURITY_ERROR' });
  });
});

describe('a profile', () => {
  const profile = {
    server: { getStatus: { path: '/gbs-spid-server/health' }, getFile: { method: 'POST' } },
    statuses: { ENROLL_COMPLETED: 'enrolled' },
  };

  it('moves routes and gives words a meaning, for client and simulator alike', async () => {
    const { server: operations, statuses } = applyProfile(defaultSpidTables, parseSpidProfile(JSON.stringify(profile)));
    await open({ operations }, { operations, statuses });
    const { client, simulator } = house;
    expect(await client.call('getStatus')).toMatchObject({ kind: 'ok' });
    expect(await client.call('getFile')).toMatchObject({ kind: 'ok' });
    expect(simulator.received.of().map(({ method, operation: name }) => [name, method])).toEqual([
      ['getStatus', 'GET'],
      ['getFile', 'POST'],
    ]);
    expect((await simulator.app.inject('/gbs-spid-server/status')).statusCode).toBe(404);
    const id = await enrolled(house);
    simulator.state.treat(id, 'ENROLL_COMPLETED');
    expect(await standing('spid.enroll', id)).toEqual(final('enrolled', 'ENROLL_COMPLETED'));
  });
});
