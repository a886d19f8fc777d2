import { randomUUID } from 'node:crypto';
import type { Cpf } from '@atesto/shared/domain/cpf';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { AcceptedTransaction, StandingResult, TransactionRow } from '@atesto/shared/ledger/transactions';
import type { Lane } from '@atesto/shared/queues/jobs';
import type { GatewayContext } from '../gateway-context.ts';
import { identify } from './identify.ts';

export interface Accepted {
  transaction: TransactionRow;
  isNew: boolean;
}

/** What a door asks for, whatever form it came in. */
export interface Intake
  extends Pick<
    AcceptedTransaction,
    | 'id'
    | 'kind'
    | 'operation'
    | 'account'
    | 'keyName'
    | 'station'
    | 'operatorVerification'
    | 'captures'
    | 'missingSealed'
    | 'evidence'
    | 'sdkCapture'
  > {
  /** Undefined where it is about nobody. */
  subject?: Cpf | undefined;
  operator?: Cpf | undefined;
  /** Epoch milliseconds. */
  capturedAt?: number | undefined;
  /** The transaction that it is about: it lends what is not said again. */
  origin?: TransactionRow | undefined;
  /** What makes this request the same as an earlier one under its id, in parts: nobody joins a body to a word. */
  asked: readonly (string | Buffer)[];
  /** The body as it will be posted; made only for a request that is new. Its refusals are thrown on. */
  body(): Promise<AsyncIterable<Buffer> | Iterable<Buffer>>;
  lane?: Lane | undefined;
  /** How this door says that the id stands for something else. */
  conflict(): Error;
}

/**
 * The one way in: body into the vault, transaction into the ledger, both on disk when it resolves, and its job in line. The same request under the same id is
 * answered with what stands already.
 * @throws what `conflict` and `body` give, VaultError
 */
export async function acceptSealed(context: GatewayContext, principal: Principal, intake: Intake): Promise<Accepted> {
  const { vault, keyRing, metrics } = context;
  const { subject, operator, capturedAt, origin, asked, body, lane, conflict, ...facts } = intake;
  const { id, kind } = facts;
  const requestMac = keyRing.mac('request', ...asked);
  const answer = (result: StandingResult): Accepted => {
    metrics.transaction(kind, result.kind);
    if (result.kind === 'conflict') throw conflict();
    return { transaction: result.transaction, isNew: false };
  };
  const request = { id, owner: principal.id, requestMac };
  const before = await context.findAccepted(request);
  if (before) return answer(before);

  const payload = randomUUID();
  let stored: Awaited<ReturnType<typeof vault.put>>;
  try {
    stored = await vault.put(payload, await body());
  } catch (error) {
    // The same request, at the same time, may have been accepted meanwhile and have spent what this one needs.
    const meanwhile = await context.findAccepted(request).catch(() => undefined);
    if (meanwhile) return answer(meanwhile);
    throw error;
  }
  const [subjectId, operatorId] = await Promise.all([
    subject ? identify(context, subject, 'subject') : origin?.subject,
    operator ? identify(context, operator, 'operator') : origin?.operator,
  ]);
  const result = await context.accept({
    ...facts,
    ...request,
    origin: origin?.id,
    subject: subjectId,
    operator: operatorId,
    capturedAt: capturedAt === undefined ? origin?.capturedAt : new Date(capturedAt),
    payload,
    payloadBytes: stored.bytes,
    wrappedKey: stored.wrappedKey,
    dueInMs: context.limits.requeueMs,
  });
  if (result.kind !== 'accepted') {
    // Somebody was faster with the same id.
    await vault.destroy(payload);
    return answer(result);
  }
  metrics.transaction(kind, 'created');
  await context.enqueue(result.transaction, lane);
  return { transaction: result.transaction, isNew: true };
}
