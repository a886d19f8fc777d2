import { randomUUID } from 'node:crypto';
import type { newTransaction } from '@atesto/shared/contracts/gateway';
import type { CaptureRow } from '@atesto/shared/ledger/captures';
import { getCaptures } from '@atesto/shared/ledger/captures';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { acceptTransaction, findAccepted } from '@atesto/shared/ledger/transactions';
import type { Lane } from '@atesto/shared/queues/jobs';
import type * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import { identify, requireCpf } from './identify.ts';
import { spidBody } from './spid-body.ts';

export interface Accepted {
  transaction: TransactionRow;
  isNew: boolean;
}

/**
 * Accepts a SPID transaction: when it resolves, the body is in the vault, the transaction in the ledger, both on disk, and its job in line. The
 * same request under the same id is answered with what stands already.
 * @throws ProblemError
 */
export async function acceptSpid(
  context: GatewayContext,
  principal: Principal,
  id: string,
  request: z.output<typeof newTransaction>,
  lane?: Lane,
): Promise<Accepted> {
  const { db, vault, keyRing } = context;
  const userId = requireCpf(request.subject.cpf, '/subject/cpf');
  const operatorId = requireCpf(request.operator.cpf, '/operator/cpf');
  const { kind, biometrics, missingBiometrics, capturedAt, operator } = request;
  if (
    new Set([...biometrics, ...missingBiometrics].map(({ index }) => index)).size <
    biometrics.length + missingBiometrics.length
  ) {
    throw new ProblemError('duplicate-finger');
  }

  const asked = JSON.stringify([kind, userId, operatorId, operator, capturedAt, biometrics, missingBiometrics]);
  const requestMac = keyRing.mac('request', asked);
  const before = await findAccepted(db, id, principal.id, requestMac);
  if (before?.kind === 'conflict') {
    context.metrics.transaction(kind, 'conflict');
    throw new ProblemError('id-conflict');
  }
  if (before) return { transaction: before.transaction, isNew: false };

  const captures = await requireCaptures(
    context,
    principal,
    biometrics.map(({ capture }) => capture),
  );
  if (operator.evidence) await requireCaptures(context, principal, [operator.evidence]);
  const payload = randomUUID();
  const body = spidBody(vault, {
    biometrics: biometrics.map(({ index }, i) => ({ index, capture: captures[i] as (typeof captures)[number] })),
    missingBiometrics,
    userId,
    operatorId,
    timestamp: capturedAt,
  });
  const stored = await vault.put(payload, body);
  const result = await acceptTransaction(db, {
    id,
    owner: principal.id,
    station: principal.kind === 'station' ? principal.id : undefined,
    kind,
    subject: await identify(context, userId),
    operator: await identify(context, operatorId),
    operatorVerification: operator.verification,
    capturedAt: new Date(capturedAt),
    requestMac,
    payload,
    payloadBytes: stored.bytes,
    wrappedKey: stored.wrappedKey,
    captures: captures.map((capture) => capture.id),
    evidence: operator.evidence,
    dueInMs: context.limits.requeueMs,
  });
  if (result.kind !== 'accepted') {
    await vault.destroy(payload);
    if (result.kind === 'conflict') throw new ProblemError('id-conflict');
    return { transaction: result.transaction, isNew: false };
  }
  await context.enqueue(result.transaction, lane);
  // The pictures are in the payload now and their keys are gone; the files are only space.
  await Promise.allSettled(captures.map((capture) => vault.destroy(capture.record)));
  return { transaction: result.transaction, isNew: true };
}

async function requireCaptures(
  { db }: GatewayContext,
  principal: Principal,
  ids: readonly string[],
): Promise<(CaptureRow & { wrappedKey: Buffer })[]> {
  const found = new Map((await getCaptures(db, ids)).map((capture) => [capture.id, capture]));
  return ids.map((id) => {
    const capture = found.get(id);
    if (!capture || capture.owner !== principal.id) throw new ProblemError('unknown-capture');
    const { wrappedKey } = capture;
    if (!wrappedKey || capture.transactionId) throw new ProblemError('capture-spent');
    return { ...capture, wrappedKey };
  });
}
