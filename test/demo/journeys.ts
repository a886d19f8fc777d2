import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TransactionEventView, TransactionView } from '@atesto/shared/contracts/gateway';
import type { VirtualPerson } from '@atesto/simulators/people/person';
import { encode } from 'fast-png';
import { type Answer, call } from '../stack/call.ts';
import type { IdcloudKeyName } from '../stack/idcloud.ts';
import { Integrator, untilSettled } from '../stack/integrator.ts';
import { waitFor } from '../stack/wait-for.ts';
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
    const { others } = scene;
    const imageBase64 = await portraitOf(scene, line, others.face);
    const subject = { code: others.face.cpf, name: 'Pessoa Virtual' };
    const answer = await createProcess(scene, line, 'default', { subject, useCase: 'Onboarding', imageBase64 });
    line.expect('answer', [answer.status, answer.unicoId?.result], [3, 'yes']);
    await history(scene, line, answer.id, scene.systemKey);
  },

  'IDCloud cannot tell whose face it is; a risk score comes later': async (scene, line) => {
    const { house, others, systemKey } = scene;
    await admin(house.idcloud.url, 'PUT', `courses/${others.scored.cpf}`, { course: 'divergence' });
    const imageBase64 = await portraitOf(scene, line, others.scored);
    const subject = { code: others.scored.cpf, name: 'Pessoa Virtual' };
    const { id, status, unicoId } = await createProcess(scene, line, 'score', { subject, imageBase64 });
    line.expect('first answer', [status, unicoId?.result], [1, 'inconclusive']);

    const face = idcloudAt(scene, 'score');
    const standing = async () => parsed<Process>(await face('GET', `processes/v1/${id}`));
    await waitFor(async () => (await standing()).status === 2, { what: 'the divergence' });
    line.step('a worker asked: status 2, people at Unico look at it');
    const { upstreamId } = await house.api<TransactionView>(systemKey, 'GET', `/v1/transactions/${id}`);
    await admin(house.idcloud.url, 'POST', `processes/${upstreamId}/finish`);
    line.step('they decide, and IDCloud sends a notice');
    const last = await waitFor(
      async () => {
        const now = await standing();
        return now.status === 3 && now;
      },
      { what: 'the score', timeoutMs: 10_000 },
    );
    line.step(`a worker asked: status 3, unicoId ${last.unicoId?.result}, score ${last.score}`);
    line.expect('answer', [last.unicoId?.result, last.score], ['inconclusive', 28]);
    const told = (await admin(house.idcloud.url, 'GET', 'webhooks')) as { processId: string; status: number }[];
    const notice = told.find(({ processId }) => processId === upstreamId);
    line.expect('the notice was taken', notice?.status, 204);
    await history(scene, line, id, systemKey);
  },

  'A document is used again': async (scene, line) => {
    const { others } = scene;
    const subject = { code: others.face.cpf, name: 'Pessoa Virtual' };
    const imageBase64 = await portraitOf(scene, line, others.face);
    const proof = await createProcess(scene, line, 'default', { subject, imageBase64 });
    line.expect('identity', proof.unicoId?.result, 'yes');

    const face = idcloudAt(scene, 'documents');
    const found = await face('GET', `documents/v1?code=${subject.code}&type=BR_CPF`);
    const { items } = parsed<{ items: { documentId?: string; documentType?: string }[] }>(found);
    line.step(`GET /idcloud/documents/v1 → ${items[0]?.documentType}`);
    const document = { purpose: 'onboarding', authProcessId: proof.id, documentId: items[0]?.documentId };
    const made = await createProcess(scene, line, 'documents', { subject, document });
    const { content = {}, fileUrls = [], faceMatch } = made.document ?? {};
    line.expect('document', [made.status, faceMatch, content.cpfNumero], [3, true, subject.code]);
    line.step(`what was read from it: ${Object.keys(content).join(', ')}`);
    const picture = await call('GET', fileUrls[0] ?? '');
    line.expect('its picture', picture.status, 200);
    const file = path.join(scene.dir, 'document.png');
    await writeFile(file, picture.body);
    line.files.push({ what: 'the document’s picture, by its signed link (drawn, nobody’s)', file });
    await history(scene, line, made.id, scene.systemKey);
  },
};

/** Of IDCloud's process, what the journeys look at. */
interface Process {
  id: string;
  status: number;
  unicoId?: { result: string };
  score?: number;
  document?: { content: Record<string, unknown>; fileUrls: string[]; faceMatch: boolean };
}

/** A program of the bank's, written for IDCloud, with one of its keys. */
function idcloudAt({ house, systemKey }: Scene, key: IdcloudKeyName) {
  return (method: 'GET' | 'POST', route: string, json?: unknown) =>
    call(method, `${house.gateway.url}/idcloud/${route}`, {
      headers: { authorization: `Bearer ${systemKey}`, apikey: house.idcloud.keys[key] },
      json,
    });
}

/** Creates a process with the key and gives the first answer. */
async function createProcess(scene: Scene, line: TimeLine, key: IdcloudKeyName, json: object): Promise<Process> {
  const answer = await idcloudAt(scene, key)('POST', 'processes/v1', json);
  line.expect('create', answer.status, 200);
  const process = parsed<Process>(answer);
  line.step(
    `POST /idcloud/processes/v1 (key ${key}) → status ${process.status}${process.unicoId ? `, unicoId ${process.unicoId.result}` : ''}`,
  );
  return process;
}

const parsed = <T>({ body }: Answer) => JSON.parse(body.toString()) as T;

/** Base64 of somebody's drawn face, which the report shows. */
async function portraitOf({ dir }: Scene, line: TimeLine, somebody: VirtualPerson): Promise<string> {
  const { width, height, pixels } = somebody.face();
  const face = Buffer.from(encode({ width, height, data: pixels, channels: 3 }));
  const file = path.join(dir, `face-${somebody.cpf}.png`);
  await writeFile(file, face);
  line.files.push({ what: 'the face that was sent (drawn, nobody’s)', file });
  line.step(`a picture of ${width} × ${height}, ${Math.round(face.length / 1024)} KB`);
  return face.toString('base64');
}

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

async function admin(
  url: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  route: string,
  json?: unknown,
): Promise<unknown> {
  const answer = await call(method, `${url}/_admin/${route}`, { json });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString());
}
