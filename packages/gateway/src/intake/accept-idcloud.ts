import { randomUUID } from 'node:crypto';
import type { Principal } from '@atesto/shared/ledger/credentials';
import { acceptTransaction, findAccepted } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import type { Accepted } from './accept-spid.ts';
import { checkCreateProcess } from './idcloud-checks.ts';
import { identify } from './identify.ts';

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
  const { db, vault, keyRing } = context;
  const { cpf } = checkCreateProcess(body);
  const requestMac = keyRing.mac('request', body);
  const before = await findAccepted(db, id, principal.id, requestMac);
  if (before?.kind === 'conflict') {
    context.metrics.transaction('idcloud.process', 'conflict');
    throw new ProblemError('id-conflict');
  }
  if (before) return { transaction: before.transaction, isNew: false };

  const payload = randomUUID();
  const stored = await vault.put(payload, [body]);
  const result = await acceptTransaction(db, {
    id,
    owner: principal.id,
    kind: 'idcloud.process',
    subject: await identify(context, cpf),
    requestMac,
    payload,
    payloadBytes: stored.bytes,
    wrappedKey: stored.wrappedKey,
    dueInMs: context.limits.requeueMs,
  });
  if (result.kind !== 'accepted') {
    await vault.destroy(payload);
    if (result.kind === 'conflict') throw new ProblemError('id-conflict');
    return { transaction: result.transaction, isNew: false };
  }
  await context.enqueue(result.transaction, 'personWaiting');
  return { transaction: result.transaction, isNew: true };
}
