import assert from 'node:assert/strict';
import type { SpidServicesCall } from '@atesto/shared/contracts/spid-services';
import { call } from '../stack/call.ts';
import { type Asked, ask, type ServicesHouse, TOO_LATE_MS } from './spid-services-house.ts';
import {
  away,
  captured,
  capturing,
  loggedIn,
  loggedInOffline,
  loggedOut,
  operatorCapturing,
  operatorReady,
  ready,
  remoteBody,
  sent,
} from './spid-services-steps.ts';

/** Brings the station to where the call is made, and gives what it is made with. */
type Given = (house: ServicesHouse) => Promise<Asked>;

interface ServicesOutcome {
  /** The status word; `PDF` and `list` where the answer has none. */
  word: string;
  given: Given;
  /** Fields of the answer beside `status`. */
  has?: readonly string[];
  /** True where the gateway accepts a transaction for it. */
  accepted?: boolean;
}

/**
 * What is tried with one call. What every call shares is not in here: nobody logged in, CPFs, TGUIDs and bodies that are none, parameters that are
 * given twice, other methods; the table of routes says where these apply.
 */
export interface ServicesCase {
  /** Every answer that can be brought about. */
  outcomes: readonly ServicesOutcome[];
  /** By its message: what is refused though it can be read. */
  refusals: Readonly<Record<string, Given>>;
}

const asks =
  (params: (house: ServicesHouse) => Record<string, string>, before: Given = loggedIn): Given =>
  async (house) => {
    await before(house);
    return { params: params(house) };
  };
const newcomer = (house: ServicesHouse) => ({ cpf: house.newcomer.cpf });
const known = (house: ServicesHouse) => ({ cpf: house.known.cpf });
const operator = (house: ServicesHouse) => ({ id: house.operator.cpf });
const stranger = (house: ServicesHouse) => ({ id: house.stranger.cpf, cpf: house.stranger.cpf });
/** An operator of whom the server says this. */
const called =
  (status: string): Given =>
  async ({ platform, twin }) => {
    const answer = await call('PUT', `${platform.url}/_admin/operators/${twin.cpf}`, { json: { status } });
    assert.equal(answer.status, 204);
    return { params: { id: twin.cpf } };
  };

const logins: readonly ServicesOutcome[] = [
  { word: 'OPERATOR_OK', given: asks(operator, loggedOut) },
  { word: 'OPERATOR_NOT_FOUND', given: asks(stranger, loggedOut) },
  { word: 'OPERATOR_PENDING', given: called('PENDING') },
  { word: 'OPERATOR_IN_PROGRESS', given: called('ENQUEUED') },
  { word: 'OPERATOR_FAILED', given: called('EXCEPTION') },
  { word: 'OPERATOR_OFFLINE_OK', given: asks(operator, away) },
];

/** What Enroll and Verify refuse besides. */
const captures: ServicesCase['refusals'] = {
  'a capture is open at this station: finish it first, or call Capture Cancel': asks(newcomer, capturing),
  'missing fingers are written index:TYPE with a comma between, as in 2:AMPUTATED': asks((house) => ({
    ...newcomer(house),
    missing: '10:AMPUTATED',
  })),
  'the type of a missing finger is one of AMPUTATED, BANDAGED': asks((house) => ({
    ...newcomer(house),
    missing: '6:LOST',
  })),
  'a missing finger is named twice': asks((house) => ({ ...newcomer(house), missing: '6:AMPUTATED,6:AMPUTATED' })),
  'no finger is left to capture': asks((house) => ({
    ...newcomer(house),
    missing: [5, 6, 7, 8, 9].map((index) => `${index}:AMPUTATED`).join(),
  })),
};

const remote = {
  outcomes: [{ word: 'OK', given: operatorReady, has: ['tguid', 'url'], accepted: true }],
  refusals: {
    'no operator is ready: call Operator Capture first, without a client capture before it': async (house) => {
      await captured(house);
      return { body: remoteBody(house) };
    },
    'logged in offline: a remote capture needs the server; call Login Status when it is back': async (house) => {
      await loggedInOffline(house);
      return { body: remoteBody(house) };
    },
    'operatorID is not the operator who is logged in': async (house) => {
      await loggedIn(house);
      return { body: { ...remoteBody(house), operatorID: house.stranger.cpf } };
    },
  },
} satisfies ServicesCase;

/** One case for every row; a row without one does not compile. */
export const servicesCases: Readonly<Record<SpidServicesCall, ServicesCase>> = {
  login: {
    outcomes: logins,
    refusals: {
      'the server cannot be reached, and this operator is not known at this station: log in when it is back': asks(
        stranger,
        away,
      ),
    },
  },
  // The last Login's answer is repeated.
  loginStatus: {
    outcomes: logins.map(({ word, given }) => ({
      word,
      given: async (house) => {
        const asked = await given(house);
        await ask(house.doors[0], 'login', asked);
        return {};
      },
    })),
    refusals: {},
  },
  logout: { outcomes: [{ word: 'OK', given: capturing }], refusals: {} },
  verify: {
    outcomes: [
      { word: 'CLIENT_CAPTURING', given: asks(known) },
      { word: 'PERSON_NOT_FOUND', given: asks(stranger) },
    ],
    refusals: {
      ...captures,
      'logged in offline: Verify needs the server; call Login Status when it is back': asks(known, loggedInOffline),
    },
  },
  enroll: {
    outcomes: [
      { word: 'CLIENT_CAPTURING', given: asks(newcomer) },
      { word: 'CLIENT_CAPTURING', given: asks(newcomer, loggedInOffline) },
    ],
    refusals: captures,
  },
  captureStatus: {
    outcomes: [
      { word: 'IDLE', given: loggedIn },
      { word: 'CLIENT_CAPTURING', given: capturing, has: ['captured', 'finger', 'message', 'wanted'] },
      { word: 'CLIENT_CAPTURE_DONE', given: captured },
      { word: 'OPERATOR_CAPTURING', given: operatorCapturing, has: ['captured', 'finger', 'message', 'wanted'] },
      { word: 'OPERATOR_CAPTURE_DONE', given: ready, has: ['operatorVerification', 'tguid'] },
      {
        word: 'CLIENT_CAPTURE_CANCELLED',
        given: async (house) => {
          await capturing(house);
          await house.desk.cancel();
          return {};
        },
        has: ['message'],
      },
      {
        word: 'OPERATOR_CAPTURE_FAILED',
        given: async (house) => {
          await operatorCapturing(house);
          await house.desk.cancel();
          return {};
        },
        has: ['message'],
      },
    ],
    refusals: {},
  },
  operatorCapture: {
    outcomes: [
      { word: 'OPERATOR_CAPTURING', given: loggedIn },
      { word: 'OPERATOR_CAPTURING', given: captured },
    ],
    refusals: {
      'the client capture is not done yet': capturing,
      'the operator capture is already under way': operatorCapturing,
      'the operator capture is done: call Capture Send': ready,
      'the operator capture is done: call Remote Verify or Remote Enroll': operatorReady,
      'no client capture: start with Enroll or Verify; for a remote capture the server has to be there':
        loggedInOffline,
    },
  },
  captureCancel: {
    outcomes: [
      { word: 'OK', given: capturing },
      { word: 'OK', given: operatorCapturing },
    ],
    refusals: {
      'no capture is open': loggedIn,
      'the capture is complete: call Capture Send, or Logout to throw it away': ready,
    },
  },
  captureSend: {
    outcomes: [
      { word: 'CAPTURE_ENQUEUED', given: ready, has: ['tguid'], accepted: true },
      { word: 'VERIFIED', given: (house) => ready(house, 'verify'), has: ['tguid'], accepted: true },
      {
        word: 'SEARCH_PENDING',
        given: async (house) => {
          await ready(house, 'verify', house.twin);
          const fault = { type: 'latency', ms: TOO_LATE_MS, when: 'after' } as const;
          await house.platform.misbehave({ operation: 'verify', fault, times: 1 });
          return {};
        },
        has: ['tguid'],
        accepted: true,
      },
    ],
    refusals: {
      'nothing is ready to send: the operator capture has to be done first': captured,
    },
  },
  captureResultById: {
    outcomes: [
      { word: 'SEARCH_MATCH', given: (house) => sent(house, 'verify'), has: ['tguid'] },
      { word: 'ENROLL_PENDING', given: (house) => sent(house, 'enroll'), has: ['tguid'] },
      { word: 'CAPTURE_PENDING', given: ready, has: ['message', 'tguid'] },
    ],
    refusals: {},
  },
  captureResultByKey: {
    outcomes: [
      { word: 'SEARCH_MATCH', given: asks(known, (house) => sent(house, 'verify')), has: ['tguid'] },
      { word: 'CAPTURE_PENDING', given: asks(newcomer, ready), has: ['message', 'tguid'] },
    ],
    refusals: { 'this station has no transaction of this CPF': asks(stranger) },
  },
  captureReport: {
    outcomes: [{ word: 'PDF', given: (house) => sent(house, 'verify') }],
    refusals: { 'no report yet: the capture has not reached the server': ready },
  },
  captureResend: {
    outcomes: [
      { word: 'VERIFIED', given: (house) => sent(house, 'verify'), has: ['tguid'] },
      { word: 'CAPTURE_ENQUEUED', given: (house) => sent(house, 'enroll'), has: ['tguid'] },
    ],
    refusals: { 'not sent yet: call Capture Send': ready },
  },
  captureResendAll: { outcomes: [{ word: 'OK', given: loggedIn, has: ['count'] }], refusals: {} },
  captureList: { outcomes: [{ word: 'list', given: (house) => sent(house, 'verify') }], refusals: {} },
  remoteVerify: remote,
  remoteEnroll: remote,
  remoteVerifyResultById: {
    outcomes: [
      {
        word: 'SEARCH_PENDING',
        given: async (house) => {
          const { status, tguid = '' } = await house.desk.remoteVerify((await operatorReady(house)).body);
          assert.equal(status, 'OK');
          return { params: { tguid } };
        },
        has: ['tguid'],
      },
    ],
    refusals: {},
  },
};
