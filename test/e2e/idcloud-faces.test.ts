import type { IdcloudKey } from '@atesto/shared/contracts/idcloud-accounts';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { nonexistentCpf, testCpfs } from '@atesto/simulators/idcloud/outcomes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type IdcloudHouse, openIdcloudHouse, portrait } from './idcloud-house.fixture.ts';

/** A program that was written for IDCloud, on the simulated one by way of Atesto. */

const key = (name: string, edition: 'B' | 'D', ...capabilities: IdcloudKey['capabilities']): IdcloudKey => ({
  ...{ name, edition, capabilities, apiKey: `key ${name}`, sdkOnly: false },
});
const keys = [
  key('identity', 'D', 'liveness', 'identity'),
  key('identity-b', 'B', 'liveness', 'identity'),
  key('validation', 'D', 'liveness', 'validation'),
  key('documents', 'D', 'documents'),
];
let house: IdcloudHouse;
beforeAll(async () => {
  house = await openIdcloudHouse([{ name: 'bank', keys, webhook: undefined }]);
});
afterAll(() => house?.close());

interface Process {
  id: string;
  status: number;
  document?: { fileUrls: string[]; content: object };
  biometryToken?: object;
}
/** The test gateway has another account by itself. */
const bank = { 'atesto-account': 'bank' };
const subject = { code: testCpfs.yes, name: 'Pessoa Virtual' };
const ask = async <T = Process>(
  method: 'GET' | 'POST',
  route: string,
  keyName: string,
  body?: object,
  status = 200,
): Promise<T> => {
  const response = await house.call(method, route, { apikey: `key ${keyName}` }, body);
  expect(response.status).toBe(status);
  return (await response.json()) as T;
};
const identify = (keyName = 'identity') => ask('POST', '/processes/v1', keyName, { subject, imageBase64: portrait });
const upstreamIdOf = async (id: string) => (await getTransaction(house.gateway.context.db, id))?.upstreamId ?? '';

it('a document is used again, and its links when they are over', async () => {
  const proof = await identify();
  const { items } = await ask<{ items: { documentId: string }[] }>(
    'GET',
    `/documents/v1?code=${subject.code}&type=BR_CPF`,
    'documents',
  );
  const document = { purpose: 'onboarding', authProcessId: proof.id, documentId: items[0]?.documentId };
  const made = await ask('POST', '/processes/v1', 'documents', { subject, document });
  expect(made).toMatchObject({ status: 3, document: { cpfMatch: true, faceMatch: true } });
  expect(await ask('GET', `/processes/v1/${made.id}`, 'documents')).toEqual(made);

  const { db } = house.gateway.context;
  await db.query(`update transactions set updated_at = now() - interval '10 minutes' where id = $1`, [made.id]);
  const again = await ask('GET', `/processes/v1/${made.id}`, 'documents');
  expect({ ...again, document: { ...again.document, fileUrls: [] } }).toEqual({
    ...made,
    document: { ...made.document, fileUrls: [] },
  });
  expect(again.document?.fileUrls).not.toEqual(made.document?.fileUrls);
  expect((await fetch(again.document?.fileUrls[0] ?? '')).status).toBe(200);
});

it('a 1:1 refers to a process by our id, or by IDCloud’s', async () => {
  const reference = await identify();
  for (const referenceProcessId of [reference.id, await upstreamIdOf(reference.id)]) {
    const made = await ask('POST', '/processes/v1', 'validation', { referenceProcessId, imageBase64: portrait });
    expect(made).toMatchObject({ status: 3, biometryToken: { result: 'true' } });
  }
});

it('version 2 has the person’s data, in edition B', async () => {
  const { id } = await identify('identity-b');
  expect(await ask('GET', `/processes/v2/${id}`, 'identity-b')).toMatchObject({
    ...{ id, status: 3, unicoId: { result: 'yes' } },
    processAdditionalInfo: { personDocument: subject.code },
  });
  // Edition D does not know the call.
  const ours = await identify();
  expect(await ask('GET', `/processes/v2/${ours.id}`, 'identity')).toEqual(ours);
  const theirs = await upstreamIdOf(ours.id);
  expect(await ask('GET', `/processes/v2/${theirs}`, 'identity')).toEqual({ ...ours, id: theirs });
});

it('a journey is begun, made, and read to its signed documents', async () => {
  const created = await house.call('POST', '/client/v1/process', bank, {
    ...{ callbackUri: '/', flow: 'idunicosign', purpose: 'creditprocess' },
    person: { duiType: 'DUI_TYPE_BR_CPF', duiValue: subject.code, email: 'somebody@example.com' },
    payload: [{ envelopePayload: { documents: [{ documentName: 'a', fileContents: 'JVBERi0=' }] } }],
  });
  const { process } = (await created.json()) as { process: { id: string; userRedirectUrl: string; state: string } };
  expect(process).toMatchObject({ state: 'PROCESS_STATE_CREATED', userRedirectUrl: expect.stringContaining('http') });
  const path = `/client/v1/process/${process.id}`;
  expect((await house.call('GET', `${path}/evidenceset`)).status).toBe(404);

  house.simulator.unico.finish(await upstreamIdOf(process.id));
  const finished = (await (await house.call('GET', path)).json()) as {
    process: { id: string; services: { documentIds?: string[] }[] };
  };
  expect(finished.process).toMatchObject({
    id: process.id,
    state: 'PROCESS_STATE_FINISHED',
    result: 'PROCESS_RESULT_OK',
  });
  expect(await (await house.call('GET', `${path}/selfie`)).json()).toMatchObject({
    contentType: expect.stringContaining('image/'),
  });
  expect((await house.call('GET', `${path}/evidenceset`)).status).toBe(200);
  const documentId = finished.process.services.flatMap(({ documentIds = [] }) => documentIds)[0];
  for (const what of ['file', 'evidence']) {
    const response = await house.call('GET', `/api/v1/service/${what}/${documentId}`, bank);
    expect(response.headers.get('content-type')).toContain('application/pdf');
    expect(Buffer.from(await response.arrayBuffer()).toString('latin1', 0, 5)).toBe('%PDF-');
  }
});

it('what IDCloud alone knows to be wrong comes back with its code', async () => {
  const nobody = { subject: { code: nonexistentCpf, name: 'x' }, imageBase64: portrait };
  const before = house.simulator.received.count('createProcess');
  const answer = await house.call('POST', '/processes/v1', { apikey: 'key identity' }, nobody);
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 20507 } }]);
  expect(house.simulator.received.count('createProcess')).toBe(before + 1);
});
