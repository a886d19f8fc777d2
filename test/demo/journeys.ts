import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TransactionEventView, TransactionView } from '@atesto/shared/contracts/gateway';
import { encode } from 'fast-png';
import { call } from '../stack/call.ts';
import { Integrator, untilSettled } from '../stack/integrator.ts';
import type { Scene } from './scene.ts';
import type { TimeLine } from './time-line.ts';

type Journey = (scene: Scene, line: TimeLine) => Promise<void>;

/** The journeys, in the order in which they are played: later ones find the people of earlier ones registered. */
export const journeys: Record<string, Journey> = {
  'Somebody unregistered is enrolled': async (scene, line) => {
    const { operator, newcomer } = scene;
    const desk = new Integrator(scene.station, line.step);
    line.expect('login', (await desk.login(operator.cpf)).status, 'OPERATOR_OK');
    line.expect('verify', (await desk.verify(newcomer.cpf)).status, 'PERSON_NOT_FOUND');
    line.expect('enroll', (await desk.enroll(newcomer.cpf)).status, 'CLIENT_CAPTURING');
    const tguid = await captureAndSend(scene, line, desk, { person: newcomer.seed, sent: 'CAPTURE_ENQUEUED' });
    line.expect('result', (await desk.resultUntil(tguid, ['ENROLL_OK', 'ERROR'])).status, 'ENROLL_OK');
    await keepReport(scene, line, desk, tguid);
    await history(scene, line, tguid);
  },

  'Somebody registered is verified': async (scene, line) => {
    await verifyAs(scene, line, scene.known.cpf, scene.known.seed, 'SEARCH_MATCH');
  },

  'An impostor is refused': async (scene, line) => {
    await verifyAs(scene, line, scene.known.cpf, scene.impostor.seed, 'SEARCH_NOT_MATCH');
  },

  'The platform is down; everything is resent when it is back': async (scene, line) => {
    const { others, house } = scene;
    const desk = new Integrator(scene.station, line.step);
    line.expect('verify', (await desk.verify(others.outage.cpf)).status, 'CLIENT_CAPTURING');
    await admin(house.spid.url, 'PUT', 'down', { mode: 'unavailable' });
    line.step('SPID Server goes down');
    const tguid = await captureAndSend(scene, line, desk, {
      person: others.outage.seed,
      sent: 'ERROR',
      operator: 'deferred',
    });
    await admin(house.spid.url, 'DELETE', 'down');
    line.step('SPID Server is back');
    const { status, count = 0 } = await desk.resendAll();
    line.expect('resend all', [status, count > 0], ['OK', true]);
    line.expect('result', (await desk.resultUntil(tguid, ['SEARCH_MATCH'])).status, 'SEARCH_MATCH');
    await history(scene, line, tguid);
  },

  'The gateway is killed while a capture is in the outbox': async (scene, line) => {
    const { others, house } = scene;
    const desk = new Integrator(scene.station, line.step);
    line.expect('enroll', (await desk.enroll(others.killed.cpf)).status, 'CLIENT_CAPTURING');
    line.expect('client', (await desk.giveFingers(others.killed.seed, 1)).status, 'CLIENT_CAPTURE_DONE');
    await desk.operatorCapture();
    line.expect('operator', (await desk.giveFingers(scene.operator.seed, 5)).status, 'OPERATOR_CAPTURE_DONE');
    house.gateway.process.kill('SIGKILL');
    await house.gateway.process.exited;
    line.step('gateway killed (SIGKILL)');
    const { status, tguid = '' } = await desk.send();
    line.expect('send', status, 'ERROR');
    await house.restartGateway();
    line.step('gateway started again');
    line.expect('result', (await desk.resultUntil(tguid, ['ENROLL_OK'])).status, 'ENROLL_OK');
    await history(scene, line, tguid);
  },

  'The platform’s answer is lost after it accepted; nothing is sent twice': async (scene, line) => {
    const { others, house } = scene;
    const desk = new Integrator(scene.station, line.step);
    await admin(house.spid.url, 'PUT', 'behaviours', {
      operation: 'enroll',
      fault: { type: 'drop-after-accept' },
      times: 1,
    });
    line.step('SPID Server will take the next enrolment and hang up instead of answering');
    line.expect('enroll', (await desk.enroll(others.lost.cpf)).status, 'CLIENT_CAPTURING');
    const tguid = await captureAndSend(scene, line, desk, { person: others.lost.seed, sent: 'CAPTURE_ENQUEUED' });
    line.expect('result', (await desk.resultUntil(tguid, ['ENROLL_OK'])).status, 'ENROLL_OK');
    const events = await history(scene, line, tguid);
    line.expect(
      'went through',
      events.some(({ to }) => to === 'unknown'),
      true,
    );
    const held = (await admin(house.spid.url, 'GET', 'transactions')) as { subject: string }[];
    const ours = held.filter(({ subject }) => subject === others.lost.cpf);
    line.step(`SPID Server holds ${ours.length} enrolment of this person`);
    line.expect('enrolments at the platform', ours.length, 1);
  },

  'Somebody is verified on their own phone': async (scene, line) => {
    const { known, operator, house } = scene;
    const desk = new Integrator(scene.station, line.step);
    line.expect('operator capture', (await desk.operatorCapture()).status, 'OPERATOR_CAPTURING');
    line.expect('operator', (await desk.giveFingers(operator.seed, 7)).status, 'OPERATOR_CAPTURE_DONE');
    const asked = { clientID: known.cpf, operatorID: operator.cpf, clientEmail: 'pessoa.virtual@example.com' };
    const { status, tguid = '', url = '' } = await desk.remoteVerify(asked);
    line.expect('remote verify', [status, url !== ''], ['OK', true]);

    const { width, height, pixels } = known.face();
    const image = Buffer.from(encode({ width, height, data: pixels, channels: 3 })).toString('base64');
    const sent = await call('POST', `${url}/face`, { json: { image } });
    line.step('the person opens the link and sends a face');
    line.expect('the phone', sent.status, 204);

    const server = systemAt(scene);
    const seen = await server('GET', `remote-capture/biometrics/${tguid}`);
    line.step(`somebody at the registration authority looks at it: ${Math.round(seen.body.length / 1024)} KB`);
    line.expect('review', seen.status, 200);
    const finished = await server('POST', `remote-capture/finish/${tguid}`, { approval: true });
    line.step('and approves it');
    line.expect('finish', finished.status, 200);
    await untilSettled(() => house.api<TransactionView>(scene.administratorKey, 'GET', `/v1/transactions/${tguid}`));
    line.expect('result', (await desk.remoteResult(tguid)).status, 'SEARCH_MATCH');
    await history(scene, line, tguid);
  },

  'An enrolment of somebody registered is rejected, and redirected to a search': async (scene, line) => {
    const { known } = scene;
    const desk = new Integrator(scene.station, line.step);
    line.expect('enroll', (await desk.enroll(known.cpf)).status, 'CLIENT_CAPTURING');
    const tguid = await captureAndSend(scene, line, desk, { person: known.seed, sent: 'CAPTURE_ENQUEUED' });
    line.expect('result', (await desk.resultUntil(tguid, ['ENROLL_REJECTED', 'ENROLL_OK'])).status, 'ENROLL_REJECTED');
    const redirected = await systemAt(scene)('PUT', `redirect/verify/${tguid}`);
    const search = JSON.parse(redirected.body.toString()) as { id: string; status: string };
    line.step(`PUT redirect/verify/{guid} → ${search.status}, a transaction of its own`);
    line.expect('redirect', [redirected.status, search.id !== tguid], [200, true]);
    await history(scene, line, search.id);
    const result = await systemAt(scene)('GET', `verify/${search.id}`);
    line.expect('search', JSON.parse(result.body.toString()).status, 'SEARCH_MATCH');
  },

  'A face is judged by IDCloud': async (scene, line) => {
    const { house, others } = scene;
    const { width, height, pixels } = others.face.face();
    const face = Buffer.from(encode({ width, height, data: pixels, channels: 3 }));
    const file = path.join(scene.dir, 'face.png');
    await writeFile(file, face);
    line.files.push({ what: 'the face that was sent (drawn, nobody’s)', file });
    line.step(
      `POST /idcloud/processes/v1 with a picture of ${width} × ${height}, ${Math.round(face.length / 1024)} KB`,
    );
    const { status, body } = await call('POST', `${house.gateway.url}/idcloud/processes/v1`, {
      headers: { authorization: `Bearer ${scene.systemKey}`, apikey: house.idcloud.apiKey },
      json: {
        subject: { code: others.face.cpf, name: 'Pessoa Virtual' },
        useCase: 'Onboarding',
        imageBase64: face.toString('base64'),
      },
    });
    const answer = JSON.parse(body.toString()) as { id: string; status: number; unicoId?: { result: string } };
    line.step(`answered: status ${answer.status}, unicoId ${answer.unicoId?.result ?? 'none'}`);
    line.expect('answer', [status, answer.status, answer.unicoId?.result], [200, 3, 'yes']);
    await history(scene, line, answer.id, scene.systemKey);
  },
};

/** A program of the bank's, written for SPID Server's own routes. */
function systemAt({ house, systemKey }: Scene) {
  return (method: 'GET' | 'POST' | 'PUT', route: string, json?: unknown) =>
    call(method, `${house.gateway.url}/gbs-spid-server/${route}`, {
      headers: { authorization: `Bearer ${systemKey}` },
      json,
    });
}

async function verifyAs(scene: Scene, line: TimeLine, cpf: string, fingersOf: string, expected: string): Promise<void> {
  const desk = new Integrator(scene.station, line.step);
  line.expect('verify', (await desk.verify(cpf)).status, 'CLIENT_CAPTURING');
  const tguid = await captureAndSend(scene, line, desk, { person: fingersOf, sent: 'VERIFIED' });
  line.expect('result', (await desk.result(tguid)).status, expected);
  await keepReport(scene, line, desk, tguid);
  await history(scene, line, tguid);
}

let impressions = 1;

/** Client's fingers, operator's finger, send. Returns the TGUID. */
async function captureAndSend(
  scene: Scene,
  line: TimeLine,
  desk: Integrator,
  expected: { person: string; sent: string; operator?: 'verified' | 'deferred' },
): Promise<string> {
  impressions++;
  line.expect('client', (await desk.giveFingers(expected.person, impressions)).status, 'CLIENT_CAPTURE_DONE');
  line.expect('operator capture', (await desk.operatorCapture()).status, 'OPERATOR_CAPTURING');
  const done = await desk.giveFingers(scene.operator.seed, impressions);
  line.expect(
    'operator',
    [done.status, done.operatorVerification],
    ['OPERATOR_CAPTURE_DONE', expected.operator ?? 'verified'],
  );
  const { status, tguid } = await desk.send();
  line.expect('send', [status, typeof tguid], [expected.sent, 'string']);
  return tguid as string;
}

async function keepReport(scene: Scene, line: TimeLine, desk: Integrator, tguid: string): Promise<void> {
  const file = path.join(scene.dir, `report-${tguid}.pdf`);
  await writeFile(file, await desk.report(tguid));
  line.files.push({ what: 'the platform’s report of the operation (PDF)', file });
}

/** Waits until the gateway knows the outcome, shows the transaction's own history, and keeps our report of it. */
async function history(
  { house, administratorKey, dir }: Scene,
  line: TimeLine,
  id: string,
  key = administratorKey,
): Promise<TransactionEventView[]> {
  await untilSettled(() => house.api<TransactionView>(key, 'GET', `/v1/transactions/${id}`));
  const events = await house.api<TransactionEventView[]>(key, 'GET', `/v1/transactions/${id}/events`);
  line.step(`ledger: ${events.map(({ to }) => to).join(' → ')}`);
  const headers = { authorization: `Bearer ${key}` };
  const report = await call('GET', `${house.gateway.url}/v1/transactions/${id}/report`, { headers });
  line.expect('our report', [report.status, report.body.subarray(0, 5).toString()], [200, '%PDF-']);
  const file = path.join(dir, `atesto-${id}.pdf`);
  await writeFile(file, report.body);
  line.files.push({ what: 'Atesto’s report of the transaction (PDF)', file });
  return events;
}

async function admin(url: string, method: 'GET' | 'PUT' | 'DELETE', route: string, json?: unknown): Promise<unknown> {
  const answer = await call(method, `${url}/_admin/${route}`, { json });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString());
}
