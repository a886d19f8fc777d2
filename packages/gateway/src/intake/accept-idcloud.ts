import type { IdcloudKeyOf } from '@atesto/shared/contracts/idcloud-accounts';
import type { Principal } from '@atesto/shared/ledger/credentials';
import { isSdkCaptureSpent } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from '../gateway-context.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { isObject } from './bounded-json.ts';
import type { CheckedCreate } from './idcloud-checks.ts';
import { IdcloudConflict, IdcloudRefusal } from './idcloud-refusal.ts';
import { upstreamIdFor } from './own-processes.ts';

/**
 * Accepts an IDCloud process whose body has been checked. Where nothing in it has to be another word for IDCloud, it goes to the vault as it came,
 * byte for byte, and is posted like that.
 * @throws IdcloudRefusal, IdcloudConflict
 */
export async function acceptIdcloud(
  context: GatewayContext,
  principal: Principal,
  id: string,
  { account, key }: IdcloudKeyOf,
  { body, checked }: { body: Buffer; checked: CheckedCreate },
): Promise<Accepted> {
  const { kind, cpf, json, recased } = checked;
  const sdkCapture = checked.sdkCapture && context.keyRing.mac('sdk-capture', checked.sdkCapture);
  if (sdkCapture && (await isSdkCaptureSpent(context.db, sdkCapture, id))) throw new IdcloudRefusal(10508);
  return acceptSealed(context, principal, {
    id,
    kind,
    operation: kind === 'idcloud.document' ? 'createDocument' : sdkCapture ? 'createSdkProcess' : 'createProcess',
    account: account.name,
    keyName: key.name,
    subject: cpf,
    sdkCapture: sdkCapture || undefined,
    // Another key asks for something else.
    asked: [`${account.name}\n${key.name}\n`, body],
    body: async () => {
      const replaced = await withUpstreamIds(json, (own) => upstreamIdFor(context, principal, own, 'authentication'));
      return [recased || replaced !== json ? Buffer.from(JSON.stringify(replaced)) : body];
    },
    lane: 'personWaiting',
    conflict: () => new IdcloudConflict('This Idempotency-Key stands for another body.'),
  });
}

/** The body with IDCloud's own ids in the place of ours; the same object where there were none. */
async function withUpstreamIds(
  json: Record<string, unknown>,
  upstreamId: (id: string) => Promise<string>,
): Promise<Record<string, unknown>> {
  const { referenceProcessId, references, document } = json;
  const changes: Record<string, unknown> = {};
  if (typeof referenceProcessId === 'string') {
    const known = await upstreamId(referenceProcessId);
    if (known !== referenceProcessId) changes.referenceProcessId = known;
  }
  if (isObject(document) && typeof document.authProcessId === 'string') {
    const known = await upstreamId(document.authProcessId);
    if (known !== document.authProcessId) changes.document = { ...document, authProcessId: known };
  }
  if (Array.isArray(references)) {
    const known = await Promise.all(
      references.map(async (one) => {
        if (one.referenceType !== 'REFERENCE_TYPE_PROCESS_ID') return one;
        const referenceContent = await upstreamId(one.referenceContent);
        return referenceContent === one.referenceContent ? one : { ...one, referenceContent };
      }),
    );
    if (known.some((one, at) => one !== references[at])) changes.references = known;
  }
  return Object.keys(changes).length > 0 ? { ...json, ...changes } : json;
}
