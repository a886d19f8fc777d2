import type { CaptureListItem, SpidServicesAnswer, SpidServicesCall } from '@atesto/shared/contracts/spid-services';
import { captureList, type Listing } from './capture-list.ts';
import type { CallParams } from './capture-plan.ts';
import { type Resend, resendAll, resendOne } from './resend.ts';
import { captureReport, captureResult, captureResultByKey, type Results, remoteVerifyResult } from './results.ts';
import type { Session } from './session.ts';

/** Answer of one call, ready for HTTP or the link. */
export interface CallAnswer {
  status: number;
  contentType: string;
  body: string | Uint8Array;
}

/** Executes a call of SPID Services. Never throws; whatever fails is an answer. `body` is a POST's, parsed and not yet looked at. */
export type Dispatch = (call: SpidServicesCall, params: CallParams, body?: unknown) => Promise<CallAnswer>;

export const JSON_TYPE = 'application/json; charset=utf-8';

type Answer = SpidServicesAnswer | CaptureListItem[] | Uint8Array;
type Handler = (params: CallParams, body: unknown) => Promise<Answer>;

/** What the calls need that only ask, list and resend. */
export type Records = Results & Resend & Listing;

/** The same calls for the local face and for the gateway's link. Domain outcomes are 200 with a status word (A3). */
export function createDispatch(
  session: Session,
  records: Records,
  onFailure: (error: unknown) => void = () => undefined,
): Dispatch {
  const handlers: Record<SpidServicesCall, Handler> = {
    login: ({ id = '' }) => session.login(id),
    loginStatus: () => session.loginStatus(),
    logout: () => session.logout(),
    verify: (params) => session.verify(params),
    enroll: (params) => session.enroll(params),
    captureStatus: async () => session.captureStatus(),
    operatorCapture: async () => session.operatorCapture(),
    captureCancel: async () => session.captureCancel(),
    captureSend: () => session.captureSend(),
    captureResultById: ({ tguid = '' }) => session.pass('captureResultById', () => captureResult(records, tguid)),
    captureResultByKey: ({ cpf = '' }) => session.pass('captureResultByKey', () => captureResultByKey(records, cpf)),
    captureReport: ({ tguid = '' }) => session.pass('captureReport', () => captureReport(records, tguid)),
    captureResend: ({ tguid = '' }) => session.pass('captureResend', () => resendOne(records, tguid)),
    captureResendAll: () => session.pass('captureResendAll', () => resendAll(records)),
    captureList: () => session.pass('captureList', () => captureList(records)),
    remoteVerify: (_params, body) => session.remote('verify', body),
    remoteEnroll: (_params, body) => session.remote('enroll', body),
    remoteVerifyResultById: ({ tguid = '' }) =>
      session.pass('remoteVerifyResultById', () => remoteVerifyResult(records, tguid)),
  };
  return async (call, params, body) => {
    try {
      const answer = await handlers[call](params, body);
      if (answer instanceof Uint8Array) return { status: 200, contentType: 'application/pdf', body: answer };
      return { status: 200, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    } catch (error) {
      onFailure(error);
      const answer: SpidServicesAnswer = { status: 'ERROR', message: 'the bridge failed: call again' };
      return { status: 500, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    }
  };
}
