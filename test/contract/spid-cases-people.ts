import assert from 'node:assert/strict';
import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { SpidCase } from './spid-case.ts';
import { ana, bia, finger, must, operator, submission } from './spid-house.ts';
import { enrolled, searched } from './spid-steps.ts';

const noId = [{ params: { id: 'not an id' } }, { params: { id: 'x'.repeat(129) } }];
const noTguid = [{ params: { tguid: 'not an id' } }];
const noGuid = [{ params: { guid: 'a/b' } }];
const noCpf = [{ params: { cpf: '12345678900' } }, { params: { cpf: '123.456.789-09' } }];
const noKey = [{ params: { key: '11111111111' } }, { params: { key: 'somebody' } }];
const badSubmissions = [
  { body: {} },
  { body: { data: { ...submission(ana, 1).data, timestamp: 'now' } } },
  { body: submission('11111111111', 1) },
  { body: { data: { ...submission(ana, 1).data, biometrics: [] } } },
];

export const peopleCases = {
  deletePerson: {
    good: () => ({ params: { cpf: bia } }),
    check: async (value, { client }) => {
      assert.equal(value?.status, 'DELETE_PENDING');
      assert.equal((await client.call('getPerson', { params: { key: bia } })).kind, 'not-found');
    },
    bad: noCpf,
    missing: () => ({ params: { cpf: ana } }),
  },
  deletePSBioPerson: {
    good: () => ({ params: { cpf: bia, mot: 'F' } }),
    check: async (value, house) => {
      assert.equal(value?.status, 'DELETE_PENDING');
      // A fraud is not enrolled again.
      const id = await enrolled(house, bia);
      assert.equal(must(await house.client.call('getEnrollResult', { params: { id } })).status, 'ENROLL_REJECTED');
    },
    bad: [{ params: { cpf: bia, mot: 'X' } }, { params: { cpf: '1', mot: 'E' } }],
    missing: () => ({ params: { cpf: ana, mot: 'E' } }),
  },
  getDeleteResult: {
    good: async ({ client }) => {
      const deletion = must(await client.call('deletePerson', { params: { cpf: bia } }));
      return { params: { id: deletion?.id ?? '' } };
    },
    check: (value) => assert.equal(value.status, 'DELETE_OK'),
    bad: noId,
    missing: () => ({ params: { id: 'nothing' } }),
  },
  enroll: {
    good: () => ({ body: submission(ana, 90) }),
    check: async (value, { client }) => {
      assert.equal(value.status, 'ENROLL_PENDING');
      assert.equal((await client.call('getPerson', { params: { key: ana } })).kind, 'ok');
    },
    bad: badSubmissions,
  },
  getEnrollResult: {
    good: async (house) => ({ params: { id: await enrolled(house) } }),
    check: (value) => assert.equal(value.status, 'ENROLL_OK'),
    bad: noId,
    missing: () => ({ params: { id: 'nothing' } }),
  },
  getPerson: {
    good: () => ({ params: { key: bia } }),
    check: (value) => {
      assert.deepEqual(value.keys, [{ name: 'cpf', value: bia }]);
      assert.deepEqual(
        value.biometrics?.map((one) => [one.index, one.properties?.['image-properties']?.width]),
        [
          [6, 32],
          [7, 32],
          [10, 640],
        ],
      );
      assert.equal(value['enroll-status'], 'ENROLLED');
    },
    bad: noKey,
    missing: () => ({ params: { key: ana } }),
  },
  generateReport: {
    good: async (house) => ({ params: { tguid: await searched(house) } }),
    check: (value) => assert.equal(value.subarray(0, 5).toString(), '%PDF-'),
    bad: noTguid,
    missing: () => ({ params: { tguid: 'nothing' } }),
  },
  verify: {
    good: () => ({ body: submission(bia, 20) }),
    check: (value) => assert.equal(value.status, 'SEARCH_MATCH'),
    bad: badSubmissions,
  },
  getSearchResult: {
    good: async (house) => ({ params: { tguid: await searched(house) } }),
    check: (value) => assert.equal(value.status, 'SEARCH_MATCH'),
    bad: noTguid,
    missing: () => ({ params: { tguid: 'nothing' } }),
  },
  getTransactionGuid: {
    good: async (house) => ({ params: { guid: await enrolled(house) } }),
    check: (value) => {
      assert.deepEqual([value.type, value.status], ['ENROLL', 'ENROLL_OK']);
      assert.deepEqual(value.transaction?.Biometrics, [{ index: 6 }, { index: 7 }]);
    },
    bad: noGuid,
    missing: () => ({ params: { guid: 'nothing' } }),
  },
  getTransactionData: {
    good: async (house) => ({ params: { tguid: await enrolled(house, bia) } }),
    check: (value) => {
      assert.deepEqual([value.userId, value.operatorId, value.type], [bia, operator, 'ENROLL']);
      assert.deepEqual(value.biometrics, [finger(6, 90), finger(7, 90)]);
    },
    bad: noTguid,
    missing: () => ({ params: { tguid: 'nothing' } }),
  },
  getPersonTransactionData: {
    good: async (house) => {
      await searched(house);
      return { params: { cpf: bia } };
    },
    check: (value) => assert.deepEqual([value].flat()[0]?.type, 'SEARCH'),
    bad: noCpf,
    missing: () => ({ params: { cpf: ana } }),
  },
  redirectEnroll: {
    good: async (house) => ({ params: { guid: await enrolled(house, bia) } }),
    check: async ({ id, status }, { client }) => {
      assert.equal(status, 'SEARCH_PENDING');
      const tguid = id;
      // Shade 90 is not what was enrolled.
      assert.equal(must(await client.call('getSearchResult', { params: { tguid } })).status, 'SEARCH_NOT_MATCH');
    },
    bad: noGuid,
    missing: () => ({ params: { guid: 'nothing' } }),
  },
} satisfies Partial<{ [Name in SpidServerOperationName]: SpidCase<Name> }>;
