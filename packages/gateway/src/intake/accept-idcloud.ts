import type { Principal } from '@atesto/shared/ledger/credentials';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { checkCreateProcess } from './idcloud-checks.ts';

/**
 * Accepts an IDCloud process: the body goes to the vault as it came, byte for byte, and is posted like that.
 * @throws IdcloudRefusal, ProblemError `id-conflict`
 */
export async function acceptIdcloud(
  context: GatewayContext,
  principal: Principal,
  id: string,
  body: Buffer,
): Promise<Accepted> {
  const { cpf } = checkCreateProcess(body);
  return acceptSealed(context, principal, {
    id,
    kind: 'idcloud.process',
    subject: cpf,
    asked: body,
    body: async () => [body],
    lane: 'personWaiting',
    conflict: () => new ProblemError('id-conflict'),
  });
}
