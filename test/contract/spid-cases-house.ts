import assert from 'node:assert/strict';
import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { SpidCase } from './spid-case.ts';
import { ana, bia, finger, type House, must, newcomer, operator, portrait } from './spid-house.ts';
import { applicantSends, remoteBody } from './spid-steps.ts';

const badRemote = [
  { body: {} },
  { body: remoteBody('11111111111') },
  { body: { data: { ...remoteBody().data, operatorID: 'joe' } } },
  { body: { data: { ...remoteBody().data, clientEmail: 'nowhere' } } },
  { body: { data: { ...remoteBody().data, clientEmail: 7 } } },
];

async function received(house: House, purpose: 'createRemoteVerify' | 'createRemoteEnroll'): Promise<string> {
  const { tguid } = must(await house.client.call(purpose, { body: remoteBody() }));
  await applicantSends(house, tguid);
  return tguid;
}

async function checkLink({ tguid, dynamicLink }: { tguid: string; dynamicLink: string }, house: House, stage: string) {
  assert.ok(dynamicLink.startsWith(`${house.simulator.url}/applicant/`));
  assert.deepEqual(house.simulator.state.remote.get(tguid)?.stage, 'awaiting');
  assert.equal(house.simulator.state.transaction(tguid)?.status, stage);
}

const noTguid = [{ params: { tguid: 'not an id' } }];
const noKey = [{ params: { key: '11111111111' } }, { params: { key: 'somebody' } }];

export const houseCases = {
  getClientVersion: { good: () => ({}), check: (value) => assert.equal(value, '4.2.12'), bad: [] },
  getFile: {
    good: () => ({ query: { os: 'linux' } }),
    check: (value) => assert.match(value.toString(), /^SPID Client 4\.2\.12 for linux/),
    bad: [{ query: { os: 'amiga' } }],
  },
  operatorList: {
    good: () => ({}),
    check: (value) =>
      assert.deepEqual(
        value.map((one) => [one.document, one.status]),
        [
          [operator, 'VERIFIED'],
          [newcomer, 'PENDING'],
        ],
      ),
    bad: [],
  },
  getOperator: {
    good: () => ({ params: { key: operator } }),
    check: (value) => assert.deepEqual([value?.status, value?.biometrics?.length], ['VERIFIED', 1]),
    bad: noKey,
    missing: () => ({ params: { key: ana } }),
  },
  deleteOperator: {
    good: () => ({ params: { key: newcomer } }),
    check: async (_, { client }) => {
      assert.equal(must(await client.call('operatorList')).length, 1);
      assert.equal(must(await client.call('getOperator', { params: { key: newcomer } }))?.status, 'DELETED');
    },
    bad: noKey,
    missing: () => ({ params: { key: ana } }),
  },
  operatorInsert: {
    good: () => ({ body: { data: { document: ana } } }),
    check: (_, { simulator }) => assert.equal(simulator.state.operators.get(ana)?.status, 'PENDING'),
    bad: [{ body: { data: {} } }, { body: { data: { document: 'joe' } } }],
  },
  enrollOperator: {
    good: () => ({ body: { data: { document: newcomer, biometrics: [finger(6, 9)] } } }),
    check: async (_, { client }) => {
      const found = must(await client.call('getOperator', { params: { key: newcomer } }));
      assert.deepEqual([found?.status, found?.biometrics], ['VERIFIED', [finger(6, 9)]]);
    },
    bad: [
      { body: { data: { document: newcomer } } },
      { body: { data: { document: newcomer, biometrics: [] } } },
      { body: { data: { document: newcomer, biometrics: [{ ...finger(6, 9), content: 'AAAA' }] } } },
    ],
    missing: () => ({ body: { data: { document: ana, biometrics: [finger(6, 9)] } } }),
  },
  createRemoteVerify: {
    good: () => ({ body: remoteBody() }),
    check: (value, house) => checkLink(value, house, 'SEARCH_PENDING'),
    bad: badRemote,
  },
  createRemoteEnroll: {
    good: () => ({ body: remoteBody(ana) }),
    check: (value, house) => checkLink(value, house, 'ENROLL_PENDING'),
    bad: badRemote,
  },
  createRemoteCapture: {
    good: () => ({ body: remoteBody() }),
    check: (value, house) => checkLink(value, house, 'SEARCH_PENDING'),
    bad: badRemote,
  },
  getBiometrics: {
    good: async (house) => ({ params: { tguid: await received(house, 'createRemoteVerify') } }),
    check: (value) => {
      const [face, ...more] = [value].flat();
      assert.deepEqual([face?.index, face?.content, more], [10, portrait('bia', 1), []]);
    },
    bad: noTguid,
    missing: () => ({ params: { tguid: 'nothing' } }),
  },
  finishRemoteCapture: {
    good: async (house) => ({
      params: { tguid: await received(house, 'createRemoteVerify') },
      body: { approval: true },
    }),
    check: (_, { simulator }) => assert.equal(simulator.state.transactions(bia).at(-1)?.status, 'SEARCH_MATCH'),
    bad: [
      { params: { tguid: 'nothing' }, body: { approval: 'yes' } },
      { params: { tguid: 'nothing' }, body: {} },
    ],
    missing: () => ({ params: { tguid: 'nothing' }, body: { approval: true } }),
  },
  notificationRemoteCapture: {
    good: async (house) => ({ body: { guid: await received(house, 'createRemoteEnroll') } }),
    check: (_, { simulator }) => assert.equal(simulator.state.remote.all()[0]?.stage, 'received'),
    bad: [{ body: {} }, { body: { guid: 7 } }],
    missing: () => ({ body: { guid: 'nothing' } }),
  },
  faceDetect: {
    good: () => ({ body: { userId: ana, operatorId: operator, image: portrait('bia') } }),
    check: ({ id }, { simulator }) => assert.equal(simulator.state.transaction(id)?.subject, ana),
    bad: [
      { body: { userId: ana, operatorId: operator } },
      { body: { userId: '1', operatorId: operator, image: portrait('bia') } },
      { body: { userId: ana, operatorId: operator, image: 'AAAA' } },
    ],
  },
  getStatus: { good: () => ({}), check: (value) => assert.equal(value.data.psbioStatus, 'ACTIVE'), bad: [] },
  updateToken: {
    good: async ({ simulator }) => {
      const payload = { idnStatus: 'INACTIVE' };
      await simulator.app.inject({ method: 'PUT', url: '/_admin/services', payload });
      return { body: { token: 'new' } };
    },
    check: (value) => assert.equal(value.data.idnStatus, 'ACTIVE'),
    bad: [{ body: [] }, { body: 'token' }],
  },
} satisfies Partial<{ [Name in SpidServerOperationName]: SpidCase<Name> }>;
