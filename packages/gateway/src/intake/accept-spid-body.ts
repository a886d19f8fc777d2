import type { Principal } from '@atesto/shared/ledger/credentials';
import type { SpidSubmissionKind } from '@atesto/shared/upstreams/spid-server';
import type { GatewayContext } from '../gateway-context.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { checkSubmission, SpidRefusal } from './spid-submission.ts';
import { idFromIdempotencyKey, KEY_CHARACTERS_MAX, readKey } from './transaction-id.ts';

/**
 * Accepts a body of SPID Server's own form: it goes to the vault as it came, byte for byte, and is posted like that. A repeated request is known by
 * its `Idempotency-Key`, and without one by what the vendor's own data tell apart: person, operator and time of capture.
 * @throws SpidRefusal
 */
export async function acceptSpidBody(
  context: GatewayContext,
  principal: Principal,
  kind: SpidSubmissionKind,
  body: Buffer,
  key: string | undefined,
): Promise<Accepted> {
  const idempotencyKey = readKey(
    key,
    () => new SpidRefusal(400, [`Idempotency-Key: longer than ${KEY_CHARACTERS_MAX} characters`]),
  );
  const { userId, operatorId, timestamp } = checkSubmission(body, context.limits);
  // No header can hold a line break: no key of a caller's is ever taken for a triple.
  const name = idempotencyKey ? [kind, idempotencyKey] : [kind, userId, operatorId, timestamp];
  const id = idFromIdempotencyKey(context.keyRing, principal, name.join('\n'));
  return acceptSealed(context, principal, {
    id,
    kind,
    subject: userId,
    operator: operatorId,
    capturedAt: timestamp,
    asked: [body],
    body: async () => [body],
    lane: kind === 'spid.verify' ? 'personWaiting' : undefined,
    conflict: () =>
      new SpidRefusal(409, [
        idempotencyKey
          ? 'Idempotency-Key: stands for another body'
          : 'data: this person, operator and timestamp stand for another body',
      ]),
  });
}
