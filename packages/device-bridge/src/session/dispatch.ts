import type { SpidServicesAnswer, SpidServicesCall } from '@atesto/shared/contracts/spid-services';
import type { Session } from './session.ts';

/** Answer of one call, ready for HTTP or the link. */
export interface CallAnswer {
  status: number;
  contentType: string;
  body: string | Uint8Array;
}

/** Executes a call of SPID Services. Never throws; whatever fails is an answer. */
export type Dispatch = (call: SpidServicesCall, params: Readonly<Record<string, string>>) => Promise<CallAnswer>;

export const JSON_TYPE = 'application/json; charset=utf-8';

type Handler = (params: Readonly<Record<string, string>>) => Promise<SpidServicesAnswer | Uint8Array>;

/** The same calls for the local face and for the gateway's link. Domain outcomes are 200 with a status word (A3). */
export function createDispatch(session: Session, onFailure: (error: unknown) => void = () => undefined): Dispatch {
  const handlers: Record<SpidServicesCall, Handler> = {
    login: ({ id = '' }) => session.login(id),
    loginStatus: () => session.loginStatus(),
    verify: ({ cpf = '' }) => session.verify(cpf),
    enroll: ({ cpf = '' }) => session.enroll(cpf),
    captureStatus: async () => session.captureStatus(),
    operatorCapture: async () => session.operatorCapture(),
    captureSend: () => session.captureSend(),
    captureResultById: ({ tguid = '' }) => session.captureResultById(tguid),
    captureReport: ({ tguid = '' }) => session.captureReport(tguid),
    captureResendAll: () => session.captureResendAll(),
  };
  return async (call, params) => {
    try {
      const answer = await handlers[call](params);
      if (answer instanceof Uint8Array) return { status: 200, contentType: 'application/pdf', body: answer };
      return { status: 200, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    } catch (error) {
      onFailure(error);
      const answer: SpidServicesAnswer = { status: 'ERROR', message: 'the bridge failed: call again' };
      return { status: 500, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    }
  };
}
