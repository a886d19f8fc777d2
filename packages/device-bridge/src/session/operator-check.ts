import { randomUUID } from 'node:crypto';
import type { Cpf } from '@atesto/shared/domain/cpf';
import type { OperatorVerification } from '@atesto/shared/domain/transaction';
import type { GatewayClient, GatewayResult } from '../link/gateway-client.ts';
import { type CapturedFinger, withoutPicture } from './capture-run.ts';

export type OperatorCheck =
  | { kind: 'identified'; verification: OperatorVerification }
  /** The server, or the gateway, said no. */
  | { kind: 'failed'; message: string };

export interface OperatorCheckOptions {
  gateway: Pick<GatewayClient, 'putCapture' | 'postTransaction'>;
  cpf: Cpf;
  fingers: readonly CapturedFinger[];
  /** Epoch milliseconds of the capture. */
  capturedAt: number;
  /** Seconds to wait for the verdict. */
  wait: number;
}

const later: OperatorCheck = { kind: 'identified', verification: 'deferred' };

/**
 * Has the operator's fingers compared at the upstream: a 1:1 verification of the operator's own CPF. Without a verdict in time the capture counts
 * as evidence for later, and is never called verified.
 */
export async function checkOperator(options: OperatorCheckOptions): Promise<OperatorCheck> {
  const { gateway, cpf, fingers, capturedAt, wait } = options;
  for (const { capture, png } of fingers) {
    const stored = await gateway.putCapture(capture, png);
    if (stored.kind !== 'ok') return withoutVerdict(stored);
  }
  const answer = await gateway.postTransaction(
    {
      id: randomUUID(),
      kind: 'spid.verify',
      subject: { cpf },
      // Who asks is who is asked about: nobody has verified this operator yet.
      operator: { cpf, verification: 'deferred' },
      capturedAt,
      biometrics: fingers.map(withoutPicture),
    },
    wait,
  );
  if (answer.kind !== 'ok') return withoutVerdict(answer);
  const { state, verdict } = answer.value;
  if (state !== 'concluded') return later;
  if (verdict === 'match') return { kind: 'identified', verification: 'verified' };
  if (verdict === 'no-match') return { kind: 'failed', message: 'the finger is not the operator’s: capture it again' };
  return { kind: 'failed', message: 'the server could not compare the operator’s finger: capture it again' };
}

function withoutVerdict(result: Exclude<GatewayResult<unknown>, { kind: 'ok' }>): OperatorCheck {
  if (result.kind === 'unavailable') return later;
  return { kind: 'failed', message: `the gateway refused the operator’s capture (${result.type ?? result.status})` };
}
