import type { NewRemoteCapture, RemoteKind } from '@atesto/shared/contracts/gateway';
import { remoteRequest, type SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { parseCpf } from '@atesto/shared/domain/cpf';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { SessionEvent } from './session-state.ts';
import { badCpf } from './words.ts';

const noLinkYet = 'the server has not made the link yet: capture the operator again and repeat the request';

/** Body of Remote Verify and Remote Enroll, or the answer that says what is wrong with it. `operator` is who is logged in. */
export function readRemote(
  kind: RemoteKind,
  body: unknown,
  operator: string,
): { request: NewRemoteCapture } | { answer: SpidServicesAnswer } {
  const { success, data, error } = remoteRequest.safeParse(body);
  if (!success) {
    const field = error.issues[0]?.path[0];
    const message = `the body needs clientID, operatorID and clientEmail${field === undefined ? '' : `: look at ${String(field)}`}`;
    return { answer: { status: 'ERROR', message } };
  }
  const subject = parseCpf(data.clientID);
  if (subject === undefined) return { answer: badCpf };
  if (parseCpf(data.operatorID) !== operator)
    return { answer: { status: 'ERROR', message: 'operatorID is not the operator who is logged in' } };
  return { request: { kind, subject: { cpf: subject }, operator: { cpf: operator }, email: data.clientEmail } };
}

/**
 * Asks the gateway for the link (6.4 rows 3 and 3'). Once a request may have been accepted the operator has stood for it, and must not stand for another
 * person's: captured anew, they get its link by the same request.
 */
export async function requestRemote(
  gateway: Pick<GatewayClient, 'requestRemoteCapture'>,
  request: NewRemoteCapture,
): Promise<Extract<SessionEvent, { type: 'remote-answered' | 'remote-failed' }>> {
  const answer = await gateway.requestRemoteCapture(request);
  switch (answer.kind) {
    case 'ok':
      if (answer.value.url === undefined) return { type: 'remote-failed', message: noLinkYet, kept: false };
      return { type: 'remote-answered', url: answer.value.url, tguid: answer.value.id };
    case 'refused': {
      const message = `the gateway refused the request (${answer.type ?? answer.status})`;
      return { type: 'remote-failed', message, kept: true };
    }
    case 'unavailable': {
      if (answer.reason === 'connect')
        return { type: 'remote-failed', message: 'the gateway cannot be reached: try again', kept: true };
      return { type: 'remote-failed', message: 'no answer of the server: capture the operator again', kept: false };
    }
    default:
      return answer satisfies never;
  }
}
