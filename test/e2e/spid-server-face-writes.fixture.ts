import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { OPERATOR, pictureOf } from '@atesto/gateway/gateway.fixture';
import { callFace, type FaceCall, submissionOf, targetOf } from '@atesto/gateway/spid-server-face.fixture';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import type { SpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import { cpfCheckDigits, virtualCpfPrefix } from '@atesto/simulators/people/cpf';
import { portrait } from '../contract/spid-house.ts';
import { waitFor } from '../stack/wait-for.ts';

let people = 0;
/** Somebody nobody has heard of. */
export function newcomer(): string {
  people += 1;
  const nine = `${virtualCpfPrefix}${String(people).padStart(4, '0')}`;
  return nine + cpfCheckDigits(nine);
}

/** How SPID Server is reached: through the gateway, or past it. */
export type Way = (name: SpidServerOperationName, call: FaceCall) => Promise<Response>;

export const throughGateway =
  (gateway: TestGateway): Way =>
  (name, call) =>
    callFace(gateway, name, call);
const textOf = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body));
export const pastGateway =
  ({ spid }: TestGateway): Way =>
  (name, call) =>
    fetch(`${spid.url}${targetOf(name, call)}`, {
      method: spidServerOperations[name].method,
      ...(call.body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: textOf(call.body) }),
    });

type Prepare = (gateway: TestGateway, way: Way) => FaceCall | Promise<FaceCall>;

/** In every request that has an address, or a picture that is not a face. */
export const CANARY_EMAIL = 'canary.bird@example.com';
export const CANARY_PICTURE = 'a canary in the picture';

const remote = (clientID: string) => ({ clientID, operatorID: OPERATOR, clientEmail: CANARY_EMAIL });
const remoteBody: Prepare = () => ({ body: { data: remote(newcomer()) } });
const remoteQuery: Prepare = () => ({
  query: { 'data.clientID': newcomer(), 'data.operatorID': OPERATOR, 'data.clientEmail': CANARY_EMAIL },
});
const contents = [{ index: 6, content: pictureOf(CANARY_PICTURE).toString('base64') }];
const keys = (value: string) => [{ name: 'cpf', value }];

async function jsonOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`answered with ${response.status}`);
  return (await response.json()) as T;
}

function enrolledPerson({ spid }: TestGateway): string {
  const cpf = newcomer();
  spid.state.seedPerson(cpf, []);
  return cpf;
}
function insertedOperator({ spid }: TestGateway): string {
  const cpf = newcomer();
  spid.state.seedOperator(cpf, 'PENDING');
  return cpf;
}
function openSession(way: Way): Promise<string> {
  return way('deprecatedAuthenticate', { body: '"user:password"' }).then((response) => jsonOf<string>(response));
}

/** The id of an enrolment that was rejected: its person is enrolled already. */
async function rejectedEnrolment(gateway: TestGateway, way: Way): Promise<string> {
  const { json } = submissionOf('again', { userId: enrolledPerson(gateway) });
  const { id } = await jsonOf<{ id: string }>(await way('enroll', { body: json }));
  const result = async () => jsonOf<{ status: string }>(await way('getEnrollResult', { params: { id } }));
  await waitFor(async () => (await result()).status === 'ENROLL_REJECTED', { what: 'the rejection' });
  return id;
}

/** The id of a remote capture whose applicant has sent a face. */
export async function capturedRemotely(
  way: Way,
  purpose: 'createRemoteVerify' | 'createRemoteEnroll' = 'createRemoteEnroll',
): Promise<string> {
  const body = { data: remote(newcomer()) };
  const { tguid, dynamicLink } = await jsonOf<{ tguid: string; dynamicLink: string }>(await way(purpose, { body }));
  const sent = await fetch(`${dynamicLink}/face`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: portrait('bia', 1) }),
  });
  if (!sent.ok) throw new Error(`the applicant was answered with ${sent.status}`);
  return tguid;
}

const biometrics = [
  { index: 6, content: pictureOf(CANARY_PICTURE).toString('base64'), width: 1, height: 1, resolution: 500 },
];

/** Brings about what each write needs, for somebody new each time, and is its request. */
export const requests: Record<SpidWrite, Prepare> = {
  deletePerson: (gateway) => ({ params: { cpf: enrolledPerson(gateway) } }),
  deletePSBioPerson: (gateway) => ({ params: { cpf: enrolledPerson(gateway), mot: 'E' } }),
  redirectEnroll: async (gateway, way) => ({ params: { guid: await rejectedEnrolment(gateway, way) } }),
  createRemoteVerify: remoteBody,
  createRemoteEnroll: remoteBody,
  createRemoteCapture: remoteBody,
  finishRemoteCapture: async (_gateway, way) => ({
    params: { tguid: await capturedRemotely(way) },
    body: { approval: true },
  }),
  notificationRemoteCapture: async (_gateway, way) => ({ body: { guid: await capturedRemotely(way) } }),
  faceDetect: () => ({ body: { userId: newcomer(), operatorId: OPERATOR, image: portrait('bia') } }),
  operatorInsert: () => ({ body: { data: { document: newcomer() } } }),
  enrollOperator: (gateway) => ({
    body: { data: { document: insertedOperator(gateway), biometrics } },
  }),
  deleteOperator: (gateway) => ({ params: { key: insertedOperator(gateway) } }),
  updateToken: () => ({ body: { token: newcomer() } }),
  deprecatedDeletePerson: async (gateway, way) => ({
    params: { sessionGuid: await openSession(way), cpf: enrolledPerson(gateway) },
  }),
  deprecatedSearch: (gateway) => ({
    body: {
      operator: OPERATOR,
      timestamp: 1_732_147_200_000,
      keys: keys(enrolledPerson(gateway)),
      biometrics: contents,
    },
  }),
  deprecatedEnrollOperator: async (gateway, way) => ({
    body: { 'session-guid': await openSession(way), keys: keys(insertedOperator(gateway)), biometrics: contents },
  }),
  deprecatedOperatorInsert: () => ({ params: { document: newcomer(), status: 'PENDING' } }),
  deprecatedEnrollClient: async (_gateway, way) => ({
    body: {
      'session-guid': await openSession(way),
      operator: OPERATOR,
      keys: keys(newcomer()),
      biometrics: contents,
    },
  }),
  deprecatedCreateRemoteCaptureEnrollUsingPOST: remoteQuery,
  deprecatedCreateRemoteCaptureUsingPOST_1: remoteQuery,
};
