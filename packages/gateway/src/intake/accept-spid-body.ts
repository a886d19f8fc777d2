import { randomUUID } from 'node:crypto';
import type { Principal } from '@atesto/shared/ledger/credentials';
import { acceptTransaction, findAccepted } from '@atesto/shared/ledger/transactions';
import type { SpidKind } from '@atesto/shared/upstreams/spid-server';
import type { GatewayContext } from '../gateway-context.ts';
import type { Accepted } from './accept-spid.ts';
import { identify } from './identify.ts';
import { checkSubmission, SpidRefusal } from './spid-submission.ts';
import { idFromIdempotencyKey } from './transaction-id.ts';

const KEY_CHARACTERS_MAX = 200;

/**
 * Accepts a body of SPID Server's own form: it goes to the vault as it came, byte for byte, and is posted like that. A repeated request is known by
 * its `Idempotency-Key`, and without one by what the vendor's own data tell apart: person, operator and time of capture.
 * @throws SpidRefusal
 */
export async function acceptSpidBody(
  context: GatewayContext,
  principal: Principal,
  kind: SpidKind,
  body: Buffer,
  idempotencyKey: string | undefined,
): Promise<Accepted> {
  const { db, vault, keyRing } = context;
  if (idempotencyKey !== undefined && idempotencyKey.length > KEY_CHARACTERS_MAX) {
    throw new SpidRefusal(400, [`Idempotency-Key: longer than ${KEY_CHARACTERS_MAX} characters`]);
  }
  const { userId, operatorId, timestamp } = checkSubmission(body, context.limits);
  // No header can hold a line break: no key of a caller's is ever taken for a triple.
  const name = idempotencyKey ? [kind, idempotencyKey] : [kind, userId, operatorId, timestamp];
  const id = idFromIdempotencyKey(keyRing, principal, name.join('\n'));
  const requestMac = keyRing.mac('request', body);
  const conflict = () => {
    context.metrics.transaction(kind, 'conflict');
    return new SpidRefusal(409, [
      idempotencyKey
        ? 'Idempotency-Key: stands for another body'
        : 'data: this person, operator and timestamp stand for another body',
    ]);
  };
  const before = await findAccepted(db, id, principal.id, requestMac);
  if (before?.kind === 'conflict') throw conflict();
  if (before) return { transaction: before.transaction, isNew: false };

  const payload = randomUUID();
  const stored = await vault.put(payload, [body]);
  const result = await acceptTransaction(db, {
    id,
    owner: principal.id,
    kind,
    subject: await identify(context, userId),
    operator: await identify(context, operatorId),
    capturedAt: new Date(timestamp),
    requestMac,
    payload,
    payloadBytes: stored.bytes,
    wrappedKey: stored.wrappedKey,
    dueInMs: context.limits.requeueMs,
  });
  if (result.kind !== 'accepted') {
    await vault.destroy(payload);
    if (result.kind === 'conflict') throw conflict();
    return { transaction: result.transaction, isNew: false };
  }
  await context.enqueue(result.transaction, kind === 'spid.verify' ? 'personWaiting' : undefined);
  return { transaction: result.transaction, isNew: true };
}
