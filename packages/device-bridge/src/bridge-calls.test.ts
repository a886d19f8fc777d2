import { CAPTURE_LIST_MAX } from '@atesto/shared/contracts/spid-services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { problem } from './link/fake-gateway.fixture.ts';
import { ANA, BIA, PERSON, Station } from './station.fixture.ts';

let station: Station;

beforeEach(async () => {
  station = await new Station().start();
  await station.login();
});
afterEach(() => station.close());

const person = { cpf: PERSON };
const message = expect.any(String);
const refused = { status: 'ERROR', message };
const accepted = () =>
  [...station.gateway.transactions.values()].map(({ body }) => body).filter(({ subject }) => subject.cpf === PERSON);

/** The bridge tries nothing by itself, so that a test sees what a call does. */
async function withoutBackground(): Promise<void> {
  await station.stopBridge();
  const never = { baseMs: 600_000, maxMs: 600_000 };
  station.options = { deliveryBackOff: never, linkBackOff: never };
  await station.startBridge();
  await station.login();
}

/** A capture that could not be sent. Returns its TGUID; the gateway is up again. */
async function pending(purpose: 'enroll' | 'verify'): Promise<string> {
  await station.capture(purpose);
  await station.gateway.stop();
  const { status, tguid = '' } = await station.call('captureSend');
  expect(status).toBe('ERROR');
  await station.gateway.start();
  return tguid;
}

describe('Logout (6.1 row 6)', () => {
  it('throws the open capture away, a complete one too, and keeps what is pending', async () => {
    await withoutBackground();
    const kept = await pending('enroll');
    const { tguid = '' } = await station.capture('enroll');
    expect(await station.call('logout')).toEqual({ status: 'OK' });
    expect(await station.call('captureStatus')).toEqual({ status: 'ERROR', message: 'operator not logged' });
    expect(await station.call('loginStatus')).toMatchObject(refused);
    expect(await station.call('logout')).toMatchObject(refused);
    await station.login(BIA);
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    expect(await station.call('captureResultById', { tguid })).toMatchObject(refused);
    expect(await station.call('captureResultById', { tguid: kept })).toMatchObject({ status: 'CAPTURE_PENDING' });
    // Nothing of it comes back with a restart.
    await station.stopBridge();
    await station.startBridge();
    expect(await station.call('loginStatus')).toMatchObject(refused);
  });

  it('ends what is under way at the reader, and the answer of a Verify that is being asked', async () => {
    station.readers.manner = 'wait';
    await station.call('enroll', person);
    await station.call('logout');
    await station.login();
    const held = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.path === '/v1/people/lookup') await held.promise;
      return false;
    });
    const asked = station.call('verify', person);
    await vi.waitFor(() => expect(station.gateway.count('POST', /people/)).toBe(1));
    await station.call('logout');
    held.resolve();
    expect(await asked).toMatchObject(refused);
    station.readers.manner = 'finger';
    await station.login(BIA);
    await station.capture('enroll');
  });

  it('has the last word over a Login that is under way', async () => {
    const held = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.path === '/v1/operators/lookup') await held.promise;
      return false;
    });
    const login = station.call('login', { id: BIA });
    await vi.waitFor(() => expect(station.gateway.count('POST', /operators/)).toBe(2));
    const logout = station.call('logout');
    held.resolve();
    expect(await login).toEqual({ status: 'OPERATOR_OK' });
    expect(await logout).toEqual({ status: 'OK' });
    expect(await station.call('captureStatus')).toMatchObject(refused);
  });
});

describe('Capture Cancel', () => {
  it('6.2 row 5: ends the client capture at once; the next one works', async () => {
    station.readers.manner = 'wait';
    await station.call('enroll', person);
    await vi.waitFor(() => expect(station.readers.captures).toBe(1));
    expect(await station.call('captureCancel')).toEqual({ status: 'OK' });
    expect(await station.call('captureStatus')).toEqual({ status: 'CLIENT_CAPTURE_CANCELLED', message });
    expect(await station.call('captureCancel')).toMatchObject(refused);
    station.readers.manner = 'finger';
    await station.capture('enroll');
    expect(await station.call('captureSend')).toMatchObject({ status: 'CAPTURE_ENQUEUED' });
  });

  it('6.2 row 9: ends the operator capture and keeps the client’s', async () => {
    await station.call('enroll', person);
    await station.until('CLIENT_CAPTURE_DONE');
    const frames = station.readers.frames;
    station.readers.manner = 'wait';
    await station.call('operatorCapture');
    await vi.waitFor(() => expect(station.readers.captures).toBe(frames + 1));
    expect(await station.call('captureCancel')).toEqual({ status: 'OK' });
    expect(await station.call('captureStatus')).toEqual({ status: 'OPERATOR_CAPTURE_FAILED', message });
    station.readers.manner = 'finger';
    await station.call('operatorCapture');
    await station.until('OPERATOR_CAPTURE_DONE');
    expect(await station.call('captureSend')).toMatchObject({ status: 'CAPTURE_ENQUEUED' });
    expect(accepted()[0]?.biometrics).toHaveLength(2);
    expect(station.readers.frames).toBe(frames + 1);
  });

  it('6.2 row 9: a verdict that comes after it makes no package', async () => {
    const held = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.path === '/v1/transactions') await held.promise;
      return false;
    });
    await station.call('enroll', person);
    await station.until('CLIENT_CAPTURE_DONE');
    await station.call('operatorCapture');
    await vi.waitFor(() => expect(station.gateway.count('POST', /transactions$/)).toBe(1));
    await station.call('captureCancel');
    held.resolve();
    await vi.waitFor(() => expect(station.gateway.transactions.size).toBe(1));
    expect(await station.call('captureStatus')).toMatchObject({ status: 'OPERATOR_CAPTURE_FAILED' });
    expect(await station.list()).toEqual([]);
  });

  it('does not touch a complete package', async () => {
    const { tguid } = await station.capture('enroll');
    expect(await station.call('captureCancel')).toMatchObject(refused);
    expect(await station.call('captureSend')).toEqual({ status: 'CAPTURE_ENQUEUED', tguid });
  });
});

describe('missing fingers', () => {
  it('are skipped, replaced and sent on with type and reason', async () => {
    const missing = { missing: '6:AMPUTATED,0:BANDAGED', 'missingReason.6': 'accident, 2019' };
    expect(await station.call('enroll', { ...person, ...missing })).toEqual({ status: 'CLIENT_CAPTURING' });
    await station.until('CLIENT_CAPTURE_DONE');
    await station.call('operatorCapture');
    await station.until('OPERATOR_CAPTURE_DONE');
    await station.call('captureSend');
    expect(accepted()[0]).toMatchObject({
      biometrics: [{ index: 5 }, { index: 7 }],
      missingBiometrics: [
        { index: 6, type: 'AMPUTATED', reason: 'accident, 2019' },
        { index: 0, type: 'BANDAGED', reason: 'BANDAGED' },
      ],
    });
  });

  it('come through the link as well', async () => {
    expect(await station.relayed('verify', { ...person, missing: '6:AMPUTATED' })).toEqual({
      status: 'CLIENT_CAPTURING',
    });
    await station.until('CLIENT_CAPTURE_DONE');
    await station.call('operatorCapture');
    await station.until('OPERATOR_CAPTURE_DONE');
    await station.call('captureSend');
    expect(accepted()[0]).toMatchObject({ biometrics: [{ index: 7 }], missingBiometrics: [{ index: 6 }] });
  });

  it('that leave none, or that cannot be read, are refused before anything starts', async () => {
    const all = [...'0123456789'].map((index) => `${index}:AMPUTATED`).join(',');
    for (const missing of [all, '6', '6:LOST', '6:AMPUTATED,6:AMPUTATED'])
      for (const purpose of ['enroll', 'verify'] as const)
        expect(await station.call(purpose, { ...person, missing })).toMatchObject(refused);
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    expect(station.gateway.count('POST', /people/)).toBe(0);
  });
});

describe('one capture at a time (A19)', () => {
  it('for callers at the station and through the gateway at once', async () => {
    station.readers.manner = 'wait';
    const asked = Array.from({ length: 8 }, (_, n) => {
      const purpose = n % 4 < 2 ? 'enroll' : 'verify';
      return n % 2 ? station.relayed(purpose, person) : station.call(purpose, person);
    });
    const answers = (await Promise.all(asked)) as { status: string }[];
    expect(answers.map(({ status }) => status).sort()).toEqual(['CLIENT_CAPTURING', ...Array(7).fill('ERROR')]);
    await vi.waitFor(() => expect(station.readers.captures).toBe(1));
    expect(station.readers.open_).toBe(1);
  });
});

describe('Capture Result by Key', () => {
  it('is the latest of the person, here or at the gateway', async () => {
    await withoutBackground();
    expect(await station.call('captureResultByKey', person)).toMatchObject(refused);
    await station.capture('verify');
    const first = await station.call('captureSend');
    expect(await station.call('captureResultByKey', { cpf: '529.982.247-25' })).toEqual({
      status: 'SEARCH_MATCH',
      tguid: first.tguid,
    });
    const tguid = await pending('enroll');
    expect(await station.call('captureResultByKey', person)).toEqual({ status: 'CAPTURE_PENDING', tguid });
    expect(await station.call('captureResend', { tguid })).toEqual({ status: 'CAPTURE_ENQUEUED', tguid });
    expect(await station.call('captureResultByKey', person)).toEqual({ status: 'ENROLL_PENDING', tguid });
    expect(await station.call('captureResultByKey', { cpf: BIA })).toMatchObject(refused);
    expect(await station.call('captureResultByKey', { cpf: '52998224724' })).toMatchObject(refused);
    for (const { path } of station.gateway.seen) expect(path).not.toContain(PERSON);
  });

  it('without the gateway knows what waits here', async () => {
    await withoutBackground();
    await station.gateway.stop();
    expect(await station.call('captureResultByKey', person)).toMatchObject(refused);
    await station.call('enroll', person);
    await station.until('CLIENT_CAPTURE_DONE');
    await station.call('operatorCapture');
    const { tguid } = await station.until('OPERATOR_CAPTURE_DONE');
    expect(await station.call('captureResultByKey', person)).toMatchObject({ status: 'CAPTURE_PENDING', tguid });
  });
});

describe('Capture Resend (6.5)', () => {
  it.each([
    ['enroll', 'CAPTURE_ENQUEUED'],
    ['verify', 'VERIFIED'],
  ] as const)('an item that waits here: %s gives %s', async (purpose, status) => {
    await withoutBackground();
    const tguid = await pending(purpose);
    expect(await station.call('captureResend', { tguid })).toEqual({ status, tguid });
    expect(accepted()).toHaveLength(1);
    expect(station.gateway.resent).toEqual([]);
  });

  it('still failing: it is kept; refused: a person has to look', async () => {
    await withoutBackground();
    const tguid = await pending('enroll');
    station.gateway.behaviours.push(
      (seen, response) => seen.path === '/v1/transactions' && Boolean(problem(response, 503, 'x')),
    );
    expect(await station.call('captureResend', { tguid })).toEqual({ status: 'ERROR', tguid, message });
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'CAPTURE_PENDING', tguid });
    station.gateway.behaviours.push(
      (seen, response) => seen.path === '/v1/transactions' && Boolean(problem(response, 422, 'bad')),
    );
    expect(await station.call('captureResend', { tguid })).toEqual({ status: 'ERROR', tguid, message });
    station.gateway.behaviours.length = 0;
    const before = station.gateway.seen.length;
    expect(await station.call('captureResend', { tguid })).toEqual({ status: 'ERROR', tguid, message });
    expect(station.gateway.seen).toHaveLength(before);
  });

  it('what left the station is taken up at the gateway', async () => {
    await station.capture('verify');
    const { tguid = '' } = await station.call('captureSend');
    expect(await station.call('captureResend', { tguid: tguid.toUpperCase() })).toEqual({ status: 'VERIFIED', tguid });
    expect(station.gateway.resent).toEqual([tguid]);
    const known = station.gateway.transactions.get(tguid);
    if (known) known.view = station.gateway.view(tguid, { state: 'dead', reason: 'x' });
    expect(await station.call('captureResend', { tguid })).toEqual({ status: 'ERROR', tguid, message });
  });

  it('knows nothing of another TGUID, of none, or of one that was not sent', async () => {
    expect(await station.call('captureResend', { tguid: crypto.randomUUID() })).toMatchObject(refused);
    const { tguid = '' } = await station.capture('enroll');
    const before = station.gateway.seen.length;
    expect(await station.call('captureResend', { tguid: '../resend' })).toMatchObject(refused);
    expect(await station.call('captureResend', { tguid })).toMatchObject({ status: 'ERROR', tguid });
    expect(station.gateway.seen).toHaveLength(before);
    expect(await station.call('captureSend')).toMatchObject({ status: 'CAPTURE_ENQUEUED' });
  });
});

describe('Capture List', () => {
  it('gives the station’s items, newest first, with the server’s words and nobody’s CPF', async () => {
    await withoutBackground();
    expect(await station.list()).toEqual([]);
    await station.capture('verify');
    const verified = await station.call('captureSend');
    const waiting = await pending('enroll');
    const { tguid: ready } = await station.capture('enroll');
    const list = await station.list();
    expect(list.map(({ tguid, kind, status }) => [tguid, kind, status])).toEqual([
      [ready, 'enroll', 'CAPTURE_PENDING'],
      [waiting, 'enroll', 'CAPTURE_PENDING'],
      [verified.tguid, 'verify', 'SEARCH_MATCH'],
    ]);
    expect(JSON.stringify(list)).not.toMatch(new RegExp(`${PERSON}|${ANA}`));
    await station.gateway.stop();
    expect((await station.list()).at(-1)).toMatchObject({ tguid: verified.tguid, status: 'SEARCH_PENDING' });
    expect(await station.list().then(({ length }) => length)).toBeLessThanOrEqual(CAPTURE_LIST_MAX);
  });
});

describe('remote capture (6.4)', () => {
  const body = { clientID: PERSON, operatorID: ANA, clientEmail: 'pessoa@example.com' };
  const operator = async () => {
    expect(await station.call('operatorCapture')).toEqual({ status: 'OPERATOR_CAPTURING' });
    expect(await station.until('OPERATOR_CAPTURE_DONE')).toEqual({
      status: 'OPERATOR_CAPTURE_DONE',
      operatorVerification: 'verified',
    });
  };

  it.each([
    ['remoteVerify', 'verify'],
    ['remoteEnroll', 'enroll'],
  ] as const)('%s takes an operator and gives URL and TGUID, once', async (call, kind) => {
    expect(await station.call(call, {}, body)).toMatchObject(refused);
    await operator();
    const answer = await station.call(call, {}, body);
    expect(answer).toEqual({ status: 'OK', url: `https://link.example/${answer.tguid}`, tguid: message });
    expect(station.gateway.remotes.get(answer.tguid ?? '')?.body).toEqual({
      kind,
      subject: { cpf: PERSON },
      operator: { cpf: ANA },
      email: body.clientEmail,
    });
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    expect(await station.call(call, {}, body)).toMatchObject(refused);
    expect(station.gateway.remotes.size).toBe(1);
    await operator();
  });

  it('goes through the link, body and all', async () => {
    await operator();
    expect(await station.relayed('remoteVerify', {}, body)).toMatchObject({ status: 'OK', url: message });
  });

  it('rows 7 and 8: the result, by its TGUID', async () => {
    await operator();
    const { tguid = '' } = await station.call('remoteVerify', {}, body);
    expect(await station.call('remoteVerifyResultById', { tguid })).toEqual({ status: 'SEARCH_PENDING', tguid });
    for (const status of ['SEARCH_MATCH', 'SEARCH_NOT_MATCH']) {
      const known = station.gateway.remotes.get(tguid);
      if (known) known.status = status;
      expect(await station.call('remoteVerifyResultById', { tguid })).toEqual({ status, tguid });
    }
    expect(await station.call('remoteVerifyResultById', { tguid: crypto.randomUUID() })).toMatchObject(refused);
    expect(await station.call('remoteVerifyResultById', { tguid: 'x' })).toMatchObject(refused);
  });

  it('A14: a remote enrolment is asked for with Capture Result by ID', async () => {
    await operator();
    const { tguid = '' } = await station.call('remoteEnroll', {}, body);
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'SEARCH_PENDING', tguid });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no object', []],
    ['a field missing', { clientID: PERSON, operatorID: ANA }],
    ['a field of another type', { ...body, clientID: 52998224725 }],
    ['an invalid CPF', { ...body, clientID: '52998224724' }],
    ['another operator', { ...body, operatorID: BIA }],
    ['no address', { ...body, clientEmail: 'pessoa' }],
  ])('refuses a body with %s; the operator stays ready', async (_case, wrong) => {
    await operator();
    const answer = await station.call('remoteVerify', {}, wrong);
    expect(answer).toMatchObject(refused);
    expect(answer.message).not.toContain(PERSON.slice(0, 9));
    expect(await station.call('captureStatus')).toMatchObject({ status: 'OPERATOR_CAPTURE_DONE' });
    expect(station.gateway.remotes.size).toBe(0);
  });

  it('row 3: an operator is ready again only where certainly nothing was asked', async () => {
    await operator();
    station.gateway.behaviours.push(
      (seen, response) => seen.path === '/v1/remote-captures' && Boolean(problem(response, 400, 'invalid-request')),
    );
    expect(await station.call('remoteVerify', {}, body)).toMatchObject(refused);
    station.gateway.behaviours.length = 0;
    await station.gateway.stop();
    expect(await station.call('remoteVerify', {}, body)).toMatchObject(refused);
    await station.gateway.start();
    expect(await station.call('captureStatus')).toMatchObject({ status: 'OPERATOR_CAPTURE_DONE' });
    station.gateway.behaviours.push(
      (seen, response) =>
        seen.path === '/v1/remote-captures' && Boolean(problem(response, 503, 'upstream-unavailable')),
    );
    expect(await station.call('remoteVerify', {}, body)).toMatchObject(refused);
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
  });

  it('row 3: nor where it was accepted and has no link yet; the same request gets it', async () => {
    await operator();
    station.gateway.behaviours.push((seen, response) => {
      if (seen.path !== '/v1/remote-captures') return false;
      const accepted = { id: crypto.randomUUID(), status: 'SEARCH_PENDING' };
      response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(accepted));
      return true;
    });
    expect(await station.call('remoteVerify', {}, body)).toMatchObject(refused);
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    station.gateway.behaviours.length = 0;
    expect(await station.call('remoteVerify', {}, { ...body, clientID: ANA })).toMatchObject(refused);
    await operator();
    expect(await station.call('remoteVerify', {}, body)).toMatchObject({ status: 'OK', url: message });
  });

  it('an operator who was not compared, or does not match, is not ready', async () => {
    station.gateway.judge = () => ({ state: 'awaiting' });
    await station.call('operatorCapture');
    await station.until('OPERATOR_CAPTURE_FAILED');
    station.gateway.judge = () => ({ state: 'concluded', verdict: 'no-match', upstreamStatus: 'SEARCH_NOT_MATCH' });
    await station.call('operatorCapture');
    await station.until('OPERATOR_CAPTURE_FAILED');
    expect(await station.call('remoteVerify', {}, body)).toMatchObject(refused);
  });

  it('a link that comes after a switch is its caller’s, and not the next operator’s', async () => {
    await operator();
    const held = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.path === '/v1/remote-captures') await held.promise;
      return false;
    });
    const asked = station.call('remoteVerify', {}, body);
    await vi.waitFor(() => expect(station.gateway.count('POST', /remote/)).toBe(1));
    expect(await station.call('remoteEnroll', {}, body)).toMatchObject(refused);
    expect(await station.call('captureCancel')).toMatchObject(refused);
    await station.login(BIA);
    await operator();
    held.resolve();
    expect(await asked).toMatchObject({ status: 'OK', url: message });
    expect(await station.call('captureStatus')).toMatchObject({ status: 'OPERATOR_CAPTURE_DONE' });
  });

  it('last row: logged in offline', async () => {
    await station.gateway.stop();
    expect(await station.call('login', { id: ANA })).toEqual({ status: 'OPERATOR_OFFLINE_OK' });
    for (const call of ['remoteVerify', 'remoteEnroll'] as const)
      expect(await station.call(call, {}, body)).toMatchObject({
        status: 'ERROR',
        message: expect.stringContaining('offline'),
      });
    expect(await station.call('operatorCapture')).toMatchObject(refused);
  });
});
