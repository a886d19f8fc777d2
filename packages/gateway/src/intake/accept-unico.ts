import type { Principal } from '@atesto/shared/ledger/credentials';
import type { GatewayContext } from '../gateway-context.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { upstreamIdFor } from './own-processes.ts';
import { checkUnicoCreate } from './unico-checks.ts';
import { UnicoRefusal } from './unico-refusal.ts';

/**
 * Accepts a process of by Unico: the body goes to the vault as it came, byte for byte, unless it refers to a process by our id.
 * @throws UnicoRefusal, IdcloudRefusal, IdcloudConflict
 */
export async function acceptUnico(
  context: GatewayContext,
  principal: Principal,
  id: string,
  account: string,
  body: Buffer,
): Promise<Accepted> {
  const { cpf, json } = checkUnicoCreate(body);
  return acceptSealed(context, principal, {
    id,
    kind: 'idcloud.unico',
    operation: 'createUnicoProcess',
    account,
    subject: cpf,
    asked: [`${account}\n`, body],
    body: async () => {
      const { bioTokenId } = json;
      if (bioTokenId === undefined) return [body];
      const known = await upstreamIdFor(context, principal, bioTokenId);
      return [known === bioTokenId ? body : Buffer.from(JSON.stringify({ ...json, bioTokenId: known }))];
    },
    lane: 'personWaiting',
    conflict: () => new UnicoRefusal(409, 6, 'this Idempotency-Key stands for another body'),
  });
}
