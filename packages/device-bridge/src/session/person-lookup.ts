import type { GatewayClient } from '../link/gateway-client.ts';
import type { SessionEvent } from './session-state.ts';

/** Asks the server whether it knows the person whom Verify is about. `obstacle` is asked afterwards: the reader may have come meanwhile. */
export async function lookupPerson(
  gateway: Pick<GatewayClient, 'lookupPerson'>,
  cpf: string,
  obstacle: () => string | undefined,
): Promise<SessionEvent> {
  const answer = await gateway.lookupPerson(cpf);
  switch (answer.kind) {
    case 'ok':
      return answer.value.registered ? { type: 'person-known', obstacle: obstacle() } : { type: 'person-unknown' };
    case 'unavailable':
      return { type: 'lookup-failed', message: 'the server cannot be reached: Verify needs it' };
    case 'refused':
      return {
        type: 'lookup-failed',
        message: `the gateway refused the question (${answer.type ?? answer.status})`,
      };
    default:
      return answer satisfies never;
  }
}
