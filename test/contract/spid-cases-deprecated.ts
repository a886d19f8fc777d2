import assert from 'node:assert/strict';
import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import { idnOf } from '@atesto/simulators/spid-server/system';
import type { SpidCase } from './spid-case.ts';
import { ana, bia, contents, type House, must, newcomer, operator, submission } from './spid-house.ts';

async function session({ client }: House): Promise<string> {
  return must(await client.call('deprecatedAuthenticate', { body: 'atesto' }));
}

const inSession =
  <More extends Record<string, string>>(more: More | ((house: House) => Promise<More>)) =>
  async (house: House) => {
    const rest = typeof more === 'function' ? await more(house) : more;
    return { params: { sessionGuid: await session(house), ...rest } };
  };

/** The session is not checked before the form. */
const noKey = [{ params: { sessionGuid: 'x', key: '11111111111' } }];
const noTransaction = [{ params: { sessionGuid: 'x', transactionGuid: 'not an id' } }];
const keys = (value: string) => [{ name: 'cpf', value }];
const search = { operator, timestamp: 1_732_147_200_000, keys: keys(bia), biometrics: contents(20) };
const enrolment = { 'session-guid': 'x', operator, keys: keys(ana), biometrics: contents(90) };

const link = {
  'data.clientID': bia,
  'data.operatorID': operator,
  'data.clientEmail': 'somebody@example.com',
};
const badLinks = [{ query: {} }, { query: { ...link, 'data.clientID': '1' } }];

export const deprecatedCases = {
  deprecatedLatestVersion: { good: () => ({}), check: (value) => assert.equal(value, '4.2.12'), bad: [] },
  deprecatedAuthenticate: {
    good: () => ({ body: 'atesto' }),
    check: (value, { simulator }) => {
      assert.match(value, /^[0-9a-f-]{36}$/);
      assert.equal(simulator.received.count('deprecatedAuthenticate'), 1);
    },
    bad: [{ body: '' }, { body: { password: 'atesto' } }],
  },
  deprecatedDeletePerson: {
    good: inSession({ cpf: bia }),
    check: async (value, { client }) => {
      assert.equal(value.status, 'DELETE_PENDING');
      const id = value['transaction-guid'] ?? '';
      assert.equal(must(await client.call('getDeleteResult', { params: { id } })).status, 'DELETE_OK');
    },
    bad: [{ params: { sessionGuid: 'x', cpf: '1' } }],
    missing: inSession({ cpf: ana }),
  },
  deprecatedUpdateVersion: {
    good: () => ({}),
    check: (value) => assert.match(value.toString(), /for windows/),
    bad: [],
  },
  deprecatedSearch: {
    good: () => ({ body: search }),
    check: (value, { simulator }) => {
      assert.equal(value.status, 'SEARCH_MATCH');
      const guid = simulator.state.people.get(bia)?.guid;
      assert.deepEqual(
        value.candidates?.map((one) => one['person-guid']),
        [guid],
      );
    },
    bad: [{ body: {} }, { body: { ...search, biometrics: [] } }, { body: { ...search, operator: 'joe' } }],
  },
  deprecatedGetOperator: {
    good: inSession({ key: operator }),
    check: (value) =>
      assert.deepEqual(
        [value.status, value.person?.userId, value.person?.biometrics?.length],
        ['VERIFIED', operator, 1],
      ),
    bad: noKey,
    missing: inSession({ key: ana }),
  },
  deprecatedGetEnrollResult: {
    good: inSession(async ({ client }) => {
      const { id } = must(await client.call('enroll', { body: submission(ana, 90) }));
      return { transactionGuid: id };
    }),
    check: (value) => assert.deepEqual([value.status, value.transactions?.[0]?.userId], ['ENROLL_OK', ana]),
    bad: noTransaction,
    missing: inSession({ transactionGuid: 'nothing' }),
  },
  deprecatedOperatorList: {
    good: () => ({}),
    check: (value) =>
      assert.deepEqual(
        value.map((one) => one.document),
        [operator, newcomer],
      ),
    bad: [],
  },
  deprecatedEnrollOperator: {
    good: async (house) => ({
      body: { ...enrolment, 'session-guid': await session(house), keys: keys(newcomer) },
    }),
    check: (value, { simulator }) => {
      assert.equal(value.status, 'ENQUEUED');
      simulator.state.settle();
      assert.equal(simulator.state.operators.get(newcomer)?.status, 'VERIFIED');
    },
    bad: [{ body: {} }, { body: { ...enrolment, priority: 'URGENT' } }],
  },
  deprecatedGetPerson: {
    good: inSession({ key: bia }),
    check: (value) => assert.deepEqual([value.person?.idn, value.person?.biometrics?.length], [idnOf(bia), 3]),
    bad: noKey,
    missing: inSession({ key: ana }),
  },
  deprecatedOperatorInsert: {
    good: () => ({ params: { document: ana, status: 'PENDING' } }),
    check: (value) => assert.ok(value.some((one) => one.document === ana && one.status === 'PENDING')),
    bad: [{ params: { document: ana, status: 'FREE' } }, { params: { document: '1', status: 'PENDING' } }],
  },
  deprecatedGetSearchResult: {
    good: inSession(async ({ client }) => {
      const { id } = must(await client.call('verify', { body: submission(bia, 20) }));
      return { transactionGuid: id };
    }),
    check: (value) => assert.equal(value.status, 'SEARCH_MATCH'),
    bad: noTransaction,
    missing: inSession({ transactionGuid: 'nothing' }),
  },
  deprecatedPing: { good: () => ({}), check: (value) => assert.equal(value, 'Cluster Proxy is running'), bad: [] },
  deprecatedGetOperatorStatus: {
    good: inSession({ key: newcomer }),
    check: (value) => assert.equal(value.status, 'PENDING'),
    bad: noKey,
    missing: inSession({ key: ana }),
  },
  deprecatedIdnSearch: {
    good: () => ({ query: { idn: idnOf(bia) } }),
    check: (value) => assert.equal(value, 'ENROLLED'),
    bad: [{ query: {} }],
  },
  deprecatedEnrollClient: {
    good: async (house) => ({ body: { ...enrolment, 'session-guid': await session(house) } }),
    check: async (value, { client }) => {
      assert.equal(value.status, 'ENROLL_PENDING');
      const id = value['transaction-guid'] ?? '';
      assert.equal(must(await client.call('getEnrollResult', { params: { id } })).status, 'ENROLL_OK');
    },
    bad: [{ body: {} }, { body: { ...enrolment, biometrics: 'none' } }],
  },
  deprecatedCloseSession: {
    good: async (house) => ({ body: await session(house) }),
    check: (value, house) => {
      assert.equal(value.status, 'OK');
      assert.equal(house.simulator.received.count('deprecatedCloseSession'), 1);
    },
    bad: [{ body: '' }, { body: 7 }],
  },
  deprecatedCheckStatus: { good: () => ({}), check: (value) => assert.equal(value, 'ACTIVE'), bad: [] },
  deprecatedCreateRemoteCaptureEnrollUsingPOST: {
    good: () => ({ query: { ...link, 'data.clientID': ana } }),
    check: ({ tguid }, { simulator }) => assert.equal(simulator.state.transaction(tguid)?.type, 'ENROLL'),
    bad: badLinks,
  },
  deprecatedCreateRemoteCaptureUsingPOST_1: {
    good: () => ({ query: link }),
    check: ({ tguid }, { simulator }) => assert.equal(simulator.state.transaction(tguid)?.type, 'SEARCH'),
    bad: badLinks,
  },
} satisfies Partial<{ [Name in SpidServerOperationName]: SpidCase<Name> }>;
