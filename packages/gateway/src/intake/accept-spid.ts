import type { newTransaction } from '@atesto/shared/contracts/gateway';
import type { CaptureRow } from '@atesto/shared/ledger/captures';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { Lane } from '@atesto/shared/queues/jobs';
import { sealMissing } from '@atesto/shared/vault/missing-column';
import type * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { requireCpf } from './identify.ts';
import { requireCaptures } from './require-captures.ts';
import { spidBody } from './spid-body.ts';

/** Accepts a SPID transaction whose pictures were uploaded before; their bytes go into its body, and their own records go. @throws ProblemError */
export async function acceptSpid(
  context: GatewayContext,
  principal: Principal,
  id: string,
  request: z.output<typeof newTransaction>,
  lane?: Lane,
): Promise<Accepted> {
  const { vault } = context;
  const userId = requireCpf(request.subject.cpf, '/subject/cpf');
  const operatorId = requireCpf(request.operator.cpf, '/operator/cpf');
  const { kind, biometrics, missingBiometrics, capturedAt, operator } = request;
  if (
    new Set([...biometrics, ...missingBiometrics].map(({ index }) => index)).size <
    biometrics.length + missingBiometrics.length
  ) {
    throw new ProblemError('duplicate-finger');
  }

  // Without what a station knows besides: the same pictures are the same request, whichever version of a bridge repeats it.
  const asked = biometrics.map(({ index, capture }) => ({ index, capture }));
  const ids = biometrics.map(({ capture }) => capture);
  let spent: readonly CaptureRow[] = [];
  const accepted = await acceptSealed(context, principal, {
    id,
    kind,
    station: principal.kind === 'station' ? principal.id : undefined,
    subject: userId,
    operator: operatorId,
    operatorVerification: operator.verification,
    capturedAt,
    captures: biometrics.map(({ capture, ...facts }) => ({ id: capture, ...facts })),
    missingSealed: missingBiometrics.length > 0 ? sealMissing(context.keyRing, id, missingBiometrics) : undefined,
    evidence: operator.evidence,
    asked: [JSON.stringify([kind, userId, operatorId, operator, capturedAt, asked, missingBiometrics])],
    async body() {
      const captures = await requireCaptures(context, [principal.id], ids);
      if (operator.evidence) await requireCaptures(context, [principal.id], [operator.evidence]);
      spent = captures;
      return spidBody(vault, {
        biometrics: biometrics.map(({ index }, i) => ({ index, capture: captures[i] as (typeof captures)[number] })),
        missingBiometrics,
        userId,
        operatorId,
        timestamp: capturedAt,
      });
    },
    lane,
    conflict: () => new ProblemError('id-conflict'),
  });
  // The pictures are in the payload now and their keys are gone; the files are only space.
  if (accepted.isNew) await Promise.allSettled(spent.map(({ record }) => vault.destroy(record)));
  return accepted;
}
