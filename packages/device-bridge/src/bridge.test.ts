import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { problem } from './link/fake-gateway.fixture.ts';
import { ANA, BIA, PERSON, Station } from './station.fixture.ts';

let station: Station;

beforeEach(async () => {
  station = await new Station().start();
});
afterEach(() => station.close());

const person = { cpf: PERSON };
const message = expect.any(String);
const tguidLike = expect.stringMatching(/^[0-9a-f-]{36}$/);
/** Transactions about the person, not about the operator. */
const accepted = () =>
  [...station.gateway.transactions.values()].map(({ body }) => body).filter(({ subject }) => subject.cpf === PERSON);
const upstreamAway = () =>
  station.gateway.behaviours.push(
    (seen, response) => seen.path.endsWith('lookup') && Boolean(problem(response, 503, 'x')),
  );

describe('login (6.1)', () => {
  it.each([
    ['VERIFIED', 'OPERATOR_OK'],
    ['GOD_MODE', 'OPERATOR_OK'],
    ['PENDING', 'OPERATOR_PENDING'],
    ['ENQUEUED', 'OPERATOR_IN_PROGRESS'],
    ['EXCEPTION', 'OPERATOR_FAILED'],
    ['DELETED', 'OPERATOR_NOT_FOUND'],
  ])('server says %s: %s', async (word, status) => {
    station.gateway.operators.set(ANA, word);
    expect(await station.call('login', { id: ANA })).toEqual({ status });
    expect(await station.call('loginStatus')).toEqual({ status });
  });

  it('knows nobody: not found; an unknown word is never a success', async () => {
    station.gateway.operators.delete(ANA);
    expect(await station.call('login', { id: ANA })).toEqual({ status: 'OPERATOR_NOT_FOUND' });
    station.gateway.operators.set(ANA, 'PROMOTED');
    expect(await station.call('login', { id: ANA })).toMatchObject({ status: 'ERROR', message });
  });

  it.each(['11144477734', '123', '00000000000', 'status '])('refuses %s at the door, without echo', async (id) => {
    const answer = await station.call('login', { id });
    expect(answer).toMatchObject({ status: 'ERROR', message });
    expect(answer.message).not.toContain(id.trim());
    expect(station.gateway.seen).toEqual([]);
  });

  it('takes a CPF with its dots', async () => {
    expect(await station.call('login', { id: '111.444.777-35' })).toEqual({ status: 'OPERATOR_OK' });
  });

  it('works offline for whom the server verified before at this station, after a restart too', async () => {
    await station.login();
    await station.stopBridge();
    await station.gateway.stop();
    await station.startBridge();
    expect(await station.call('login', { id: BIA })).toMatchObject({ status: 'ERROR', message });
    expect(await station.call('login', { id: ANA })).toEqual({ status: 'OPERATOR_OFFLINE_OK' });
    expect(await station.call('verify', person)).toMatchObject({ status: 'ERROR', message });
    await station.gateway.start();
    expect(await station.call('loginStatus')).toEqual({ status: 'OPERATOR_OK' });
    expect(await station.call('verify', person)).toEqual({ status: 'CLIENT_CAPTURING' });
  });

  it('does not work offline for one whom the server last did not verify', async () => {
    await station.login();
    station.gateway.operators.set(ANA, 'EXCEPTION');
    await station.call('login', { id: ANA });
    upstreamAway();
    expect(await station.call('login', { id: ANA })).toMatchObject({ status: 'ERROR' });
  });

  it('every capture call needs an operator', async () => {
    const any = { ...person, tguid: crypto.randomUUID() };
    for (const call of ['verify', 'enroll', 'captureStatus', 'operatorCapture', 'captureSend'] as const)
      expect(await station.call(call, any)).toEqual({ status: 'ERROR', message: 'operator not logged' });
    for (const call of ['captureResultById', 'captureReport', 'captureResendAll'] as const)
      expect(await station.call(call, any)).toEqual({ status: 'ERROR', message: 'operator not logged' });
  });

  it('Switch Operator discards the open capture, also a complete one, and keeps what is pending', async () => {
    await station.login();
    const { tguid = '' } = await station.capture('enroll');
    await station.login(BIA);
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    expect(await station.call('captureSend')).toMatchObject({ status: 'ERROR' });
    expect(await station.call('captureResultById', { tguid })).toMatchObject({ status: 'ERROR' });
    station.readers.manner = 'wait';
    await station.call('enroll', person);
    await station.login(ANA);
    station.readers.manner = 'finger';
    await station.capture('enroll');
  });
});

describe('an unregistered person (6.2)', () => {
  it('goes the whole way', async () => {
    station.gateway.people.clear();
    await station.login();
    expect(await station.call('verify', person)).toEqual({ status: 'PERSON_NOT_FOUND' });
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    const done = await station.capture('enroll');
    expect(done).toEqual({ status: 'OPERATOR_CAPTURE_DONE', operatorVerification: 'verified', tguid: tguidLike });
    const sent = await station.call('captureSend');
    expect(sent).toEqual({ status: 'CAPTURE_ENQUEUED', tguid: done.tguid });
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    const [body] = accepted();
    expect(body).toMatchObject({
      id: sent.tguid,
      kind: 'spid.enroll',
      operator: { cpf: ANA, verification: 'verified' },
      biometrics: [{ index: 6 }, { index: 7 }].map((finger) => ({
        ...finger,
        device: { model: 'Test Reader', usb: 'fff0:0001' },
        quality: { coverage: 1, contrast: expect.any(Number), orientation: expect.any(Number) },
      })),
    });
    expect(body?.operator.evidence).toBeUndefined();
    const picture = station.gateway.captures.get(body?.biometrics[0]?.capture ?? '');
    expect(picture && readImageHeader(picture)).toMatchObject({ format: 'png', width: 64, height: 64, dpi: 500 });
    const tguid = sent.tguid ?? '';
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'ENROLL_PENDING', tguid });
    const known = station.gateway.transactions.get(tguid);
    if (known) known.view = station.gateway.view(tguid, { state: 'concluded', upstreamStatus: 'ENROLL_REJECTED' });
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'ENROLL_REJECTED', tguid });
    if (known)
      known.view = station.gateway.view(tguid, { state: 'dead', upstreamStatus: 'ENROLL_PENDING', reason: 'x' });
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'ERROR', tguid, message });
    const report = await station.raw('captureReport', { tguid });
    expect(report.type).toBe('application/pdf');
    expect(report.body.toString()).toMatch(/^%PDF-/);
  });

  it('asks for the operator’s own verification, and says how far a capture is', async () => {
    await station.login();
    station.readers.manner = 'wait';
    await station.call('enroll', person);
    await vi.waitFor(async () =>
      expect(await station.call('captureStatus')).toEqual({
        status: 'CLIENT_CAPTURING',
        finger: 'right-index',
        captured: 0,
        wanted: 2,
        message: 'put the finger on the reader',
      }),
    );
    expect(await station.call('enroll', person)).toMatchObject({ status: 'ERROR', message });
    expect(await station.call('verify', person)).toMatchObject({ status: 'ERROR', message });
    expect(await station.call('operatorCapture')).toMatchObject({ status: 'ERROR', message });
    expect(await station.call('captureSend')).toMatchObject({ status: 'ERROR', message });
    expect(await station.call('captureStatus')).toMatchObject({ status: 'CLIENT_CAPTURING' });
  });

  it('posts the operator’s finger as a verification of the operator, and waits', async () => {
    await station.login();
    await station.capture('enroll');
    const post = station.gateway.seen.find(({ path }) => path === '/v1/transactions');
    expect(post?.headers.prefer).toBe('wait=1');
    expect(JSON.parse(post?.body.toString() ?? '')).toMatchObject({
      kind: 'spid.verify',
      subject: { cpf: ANA },
      operator: { cpf: ANA },
      biometrics: [{ index: 6 }],
    });
  });

  it.each([
    ['timeout', 'CLIENT_CAPTURE_CANCELLED'],
    ['fault', 'ERROR'],
    ['disconnect', 'ERROR'],
    ['blank', 'ERROR'],
    ['lie', 'ERROR'],
  ] as const)('row 5: a reader that ends with %s gives %s, and the next capture works', async (manner, status) => {
    await station.login();
    station.readers.manner = manner;
    await station.call('enroll', person);
    expect(await station.until(status)).toEqual({ status, message });
    station.readers.manner = 'finger';
    await station.capture('enroll');
    expect(await station.call('captureSend')).toMatchObject({ status: 'CAPTURE_ENQUEUED' });
  });

  it.each(['wait', 'hang'] as const)('row 5: unplugged while it is to %s ends within 2 s', async (manner) => {
    await station.login();
    station.readers.manner = manner;
    await station.call('enroll', person);
    await vi.waitFor(() => expect(station.readers.captures).toBe(1));
    const since = performance.now();
    station.readers.unplug();
    const ended = await station.until('ERROR');
    expect(performance.now() - since).toBeLessThan(2_000);
    expect(ended.message).toContain('plug it in');
    expect(await station.call('enroll', person)).toEqual({ status: 'ERROR', message: 'no reader: plug one in' });
    station.readers.manner = 'finger';
    station.readers.plug();
    await station.capture('enroll');
  });

  it('row 9: an operator who does not match may try again', async () => {
    station.gateway.judge = () => ({ state: 'concluded', verdict: 'no-match', upstreamStatus: 'SEARCH_NOT_MATCH' });
    await station.login();
    await station.call('enroll', person);
    await station.until('CLIENT_CAPTURE_DONE');
    await station.call('operatorCapture');
    expect(await station.until('OPERATOR_CAPTURE_FAILED')).toEqual({ status: 'OPERATOR_CAPTURE_FAILED', message });
    expect(await station.call('captureSend')).toMatchObject({ status: 'ERROR' });
    station.gateway.judge = () => ({ state: 'concluded', verdict: 'match', upstreamStatus: 'SEARCH_MATCH' });
    await station.call('operatorCapture');
    expect(await station.until('OPERATOR_CAPTURE_DONE')).toMatchObject({ operatorVerification: 'verified' });
  });

  it.each([
    ['not concluded', { state: 'awaiting' }, 'OPERATOR_CAPTURE_DONE'],
    ['retrying', { state: 'retrying', reason: 'unavailable' }, 'OPERATOR_CAPTURE_DONE'],
    ['without a comparison', { state: 'concluded', verdict: 'failed' }, 'OPERATOR_CAPTURE_FAILED'],
  ] as const)('row 8: a verdict that is %s is never called verified', async (_case, fields, status) => {
    station.gateway.judge = () => fields;
    await station.login();
    await station.call('enroll', person);
    await station.until('CLIENT_CAPTURE_DONE');
    await station.call('operatorCapture');
    const answer = await station.until(status);
    expect(answer.operatorVerification).toBe(status === 'OPERATOR_CAPTURE_DONE' ? 'deferred' : undefined);
    if (status !== 'OPERATOR_CAPTURE_DONE') return;
    // The finger is in the operator's own transaction already; as evidence it has to be taken all the same.
    expect(await station.call('captureSend')).toMatchObject({ status: 'CAPTURE_ENQUEUED' });
    expect(accepted()[0]?.operator).toEqual({ cpf: ANA, verification: 'deferred', evidence: tguidLike });
  });

  it('row 11: the gateway is away; the capture waits and goes by itself, with the operator’s finger as evidence', async () => {
    await station.login();
    await station.gateway.stop();
    const done = await station.capture('enroll');
    expect(done).toMatchObject({ operatorVerification: 'deferred' });
    const sent = await station.call('captureSend');
    expect(sent).toEqual({ status: 'ERROR', tguid: done.tguid, message });
    const tguid = sent.tguid ?? '';
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'CAPTURE_PENDING', tguid });
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
    await station.gateway.start();
    await vi.waitFor(() => expect(accepted()).toHaveLength(1));
    const [body] = accepted();
    expect(body).toMatchObject({ id: tguid, operator: { verification: 'deferred', evidence: tguidLike } });
    expect(station.gateway.captures.has(body?.operator.evidence ?? '')).toBe(true);
    await vi.waitFor(async () =>
      expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'ENROLL_PENDING', tguid }),
    );
  });

  it('a full disk is no loss: the operator repeats when there is room', async () => {
    await station.stopBridge();
    station.options = { outboxMaxBytes: 1, minCoverage: 0 };
    await station.startBridge();
    await station.login();
    for (let n = 0; ; n++) {
      await station.call('enroll', person);
      await station.until('CLIENT_CAPTURE_DONE');
      await station.gateway.stop();
      await station.call('operatorCapture');
      const { status, message: text } = await vi.waitFor(async () => {
        const answer = await station.call('captureStatus');
        expect(answer.status).not.toBe('OPERATOR_CAPTURING');
        return answer;
      });
      if (status === 'OPERATOR_CAPTURE_FAILED') {
        expect(text).toContain('disk is full');
        break;
      }
      expect(n).toBeLessThan(60);
      await station.call('captureSend');
    }
    await station.gateway.start();
    await vi.waitFor(async () => {
      await station.call('operatorCapture');
      await station.until('OPERATOR_CAPTURE_DONE');
    }, 5_000);
  });
});

describe('a registered person (6.3)', () => {
  beforeEach(() => station.login());

  it('goes the whole way', async () => {
    await station.capture('verify');
    const sent = await station.call('captureSend');
    expect(sent).toEqual({ status: 'VERIFIED', tguid: tguidLike });
    const tguid = sent.tguid ?? '';
    expect(await station.call('captureResultById', { tguid })).toEqual({ status: 'SEARCH_MATCH', tguid });
    expect(station.gateway.seen.filter(({ headers }) => headers.prefer === 'wait=1')).toHaveLength(2);
  });

  it.each([
    ['accepted', 'SEARCH_PENDING'],
    ['submitting', 'SEARCH_PENDING'],
    ['awaiting', 'SEARCH_PENDING'],
    ['retrying', 'ERROR'],
    ['unknown', 'ERROR'],
    ['dead', 'ERROR'],
  ] as const)('row 4 and 5: a transaction that is %s after the wait: %s', async (state, status) => {
    await station.capture('verify');
    station.gateway.judge = () => ({ state });
    expect(await station.call('captureSend')).toMatchObject({ status, tguid: tguidLike });
  });

  it('row 6: two Sends at once are one, and have the same answer', async () => {
    await station.capture('verify');
    const [one, two] = await Promise.all([station.call('captureSend'), station.call('captureSend')]);
    expect(one).toEqual(two);
    expect(accepted()).toHaveLength(1);
  });

  it('row 6: a Send of one operator does not answer for the next', async () => {
    await station.capture('verify');
    const held = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.path === '/v1/transactions' && seen.headers.prefer === undefined) await held.promise;
      return false;
    });
    const put = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.method === 'PUT' && seen.path === firstPut) await put.promise;
      return false;
    });
    const before = station.gateway.count('PUT', /captures/);
    let firstPut = '';
    station.gateway.behaviours.push((seen) => {
      if (seen.method === 'PUT' && firstPut === '') firstPut = seen.path;
      return false;
    });
    const first = station.call('captureSend');
    await vi.waitFor(() => expect(station.gateway.count('PUT', /captures/)).toBe(before + 1));
    await station.login(BIA);
    await station.capture('enroll');
    const second = station.call('captureSend');
    await vi.waitFor(() => expect(station.gateway.count('POST', /transactions$/)).toBeGreaterThan(2));
    put.resolve();
    held.resolve();
    const [one, two] = await Promise.all([first, second]);
    expect(one.status).toBe('VERIFIED');
    expect(two.status).toBe('CAPTURE_ENQUEUED');
    expect(one.tguid).not.toBe(two.tguid);
    expect(
      accepted()
        .map(({ operator }) => operator.cpf)
        .sort(),
    ).toEqual([ANA, BIA].sort());
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
  });

  it('row 7: the upstream is away', async () => {
    upstreamAway();
    expect(await station.call('verify', person)).toEqual({ status: 'ERROR', message });
    expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
  });

  it('a second Verify while the first is being asked is refused', async () => {
    const held = Promise.withResolvers<void>();
    station.gateway.behaviours.push(async (seen) => {
      if (seen.path === '/v1/people/lookup') await held.promise;
      return false;
    });
    const first = station.call('verify', person);
    await vi.waitFor(() => expect(station.gateway.count('POST', /people/)).toBe(1));
    expect(await station.call('verify', person)).toMatchObject({ status: 'ERROR' });
    expect(await station.call('enroll', person)).toMatchObject({ status: 'ERROR' });
    held.resolve();
    expect(await first).toEqual({ status: 'CLIENT_CAPTURING' });
  });
});

describe('results and resend (6.5)', () => {
  beforeEach(() => station.login());

  it('knows nothing of another TGUID, and asks the gateway only about one that is one', async () => {
    const tguid = crypto.randomUUID();
    expect(await station.call('captureResultById', { tguid })).toMatchObject({ status: 'ERROR' });
    expect(await station.call('captureReport', { tguid })).toMatchObject({ status: 'ERROR' });
    const before = station.gateway.seen.length;
    expect(await station.call('captureResultById', { tguid: '../operators' })).toMatchObject({ status: 'ERROR' });
    expect(station.gateway.seen).toHaveLength(before);
  });

  it('Resend All sends what waits here and asks for what failed there', async () => {
    await station.stopBridge();
    station.options = {
      deliveryBackOff: { baseMs: 600_000, maxMs: 600_000 },
      linkBackOff: { baseMs: 600_000, maxMs: 600_000 },
    };
    await station.startBridge();
    await station.login();
    await station.gateway.stop();
    await station.capture('enroll');
    await station.call('captureSend');
    expect(await station.call('captureResendAll')).toMatchObject({ status: 'ERROR', count: 0 });
    await station.gateway.start();
    station.gateway.resendable = 2;
    expect(await station.call('captureResendAll')).toEqual({ status: 'OK', count: 3 });
    expect(accepted()).toHaveLength(1);
    expect(await station.call('captureResendAll')).toEqual({ status: 'OK', count: 2 });
  });

  it('what the gateway refuses is kept for a person and not sent again', async () => {
    const { tguid = '' } = await station.capture('enroll');
    station.gateway.behaviours.push(
      (seen, response) => seen.path === '/v1/transactions' && Boolean(problem(response, 422, 'bad')),
    );
    expect(await station.call('captureSend')).toMatchObject({ status: 'ERROR', tguid });
    expect(await station.call('captureResultById', { tguid })).toMatchObject({
      status: 'ERROR',
      message: expect.stringContaining('bad'),
    });
    const before = station.gateway.seen.length;
    expect(await station.call('captureResendAll')).toEqual({ status: 'OK', count: 0 });
    expect(station.gateway.seen.slice(before).map(({ path }) => path)).toEqual(['/v1/transactions/resend']);
  });
});

describe('restart', () => {
  it('takes up a complete capture that was not sent, with its operator', async () => {
    await station.login();
    const { tguid } = await station.capture('verify');
    await station.stopBridge();
    await station.startBridge();
    expect(await station.call('captureStatus')).toEqual({
      status: 'OPERATOR_CAPTURE_DONE',
      operatorVerification: 'verified',
      tguid,
    });
    expect(await station.call('loginStatus')).toEqual({ status: 'OPERATOR_OK' });
    expect(await station.call('captureSend')).toEqual({ status: 'VERIFIED', tguid });
    expect(accepted()).toMatchObject([{ id: tguid, operator: { cpf: ANA } }]);
  });

  it('survives kill -9 at READY_TO_SEND and while pending', async () => {
    await station.stopBridge();
    // Questions are answered, nothing is taken.
    station.gateway.behaviours.push((seen, response) => seen.method === 'PUT' && Boolean(problem(response, 503, 'x')));
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'station-child.fixture.ts'), station.outboxFile, station.gateway.url],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const lines: { pending: string; ready: string }[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(JSON.parse(line));
      child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    const [{ pending, ready } = { pending: '', ready: '' }] = lines;
    expect(accepted()).toEqual([]);
    for (const name of readdirSync(station.folder)) {
      const bytes = readFileSync(join(station.folder, name));
      for (const marker of [PERSON, ANA, '\x89PNG'])
        expect(bytes.includes(Buffer.from(marker, 'latin1')), name).toBe(false);
    }
    station.gateway.behaviours.length = 0;
    await station.startBridge();
    await vi.waitFor(() => expect(accepted().map(({ id }) => id)).toEqual([pending]));
    expect(await station.call('captureStatus')).toMatchObject({ status: 'OPERATOR_CAPTURE_DONE', tguid: ready });
    expect(await station.call('captureSend')).toEqual({ status: 'CAPTURE_ENQUEUED', tguid: ready });
    expect(accepted().map(({ id }) => id)).toEqual([pending, ready]);
  });
});

describe('link', () => {
  it('runs the same calls for the gateway and reports progress and readers', async () => {
    await vi.waitFor(() => expect(station.gateway.links).toHaveLength(1));
    const id = crypto.randomUUID();
    station.gateway.links[0]?.send(JSON.stringify({ type: 'call', id, call: 'login', params: { id: ANA } }));
    await vi.waitFor(() =>
      expect(station.gateway.linkMessages).toContainEqual(
        expect.objectContaining({ type: 'answer', id, body: '{"status":"OPERATOR_OK"}' }),
      ),
    );
    await station.capture('verify');
    station.readers.unplug();
    await vi.waitFor(() => {
      const { linkMessages } = station.gateway;
      const words = linkMessages.flatMap((message) => (message.type === 'progress' ? [message.status] : []));
      expect(words).toEqual(['CLIENT_CAPTURING', 'CLIENT_CAPTURE_DONE', 'OPERATOR_CAPTURING', 'OPERATOR_CAPTURE_DONE']);
      expect(linkMessages).toContainEqual(
        expect.objectContaining({ type: 'hello', devices: [{ model: 'Test Reader', ready: true }] }),
      );
      expect(linkMessages).toContainEqual(expect.objectContaining({ type: 'hello', devices: [] }));
    });
  });
});
