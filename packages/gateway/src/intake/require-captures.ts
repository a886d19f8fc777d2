import type { CaptureRow } from '@atesto/shared/ledger/captures';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';

/** A picture that can go into a transaction. */
export type FreshCapture = CaptureRow & { wrappedKey: Buffer };

/** The captures of these ids, in their order, uploaded by one of `owners`. @throws ProblemError `unknown-capture`, `capture-spent` */
export async function requireCaptures(
  { getCaptures }: Pick<GatewayContext, 'getCaptures'>,
  owners: readonly string[],
  ids: readonly string[],
): Promise<FreshCapture[]> {
  const found = new Map((await getCaptures(ids)).map((capture) => [capture.id, capture]));
  return ids.map((id) => {
    const capture = found.get(id);
    if (!capture || !owners.includes(capture.owner)) throw new ProblemError('unknown-capture');
    const { wrappedKey } = capture;
    if (!wrappedKey || capture.transactionId) throw new ProblemError('capture-spent');
    return { ...capture, wrappedKey };
  });
}
