import type { IdcloudErrorCode } from '@atesto/shared/contracts/idcloud-client';
import { IDCLOUD_MAX_IMAGE_BYTES } from '@atesto/shared/contracts/idcloud-client';
import type { Vault } from '@atesto/shared/vault/vault';
import { ProblemError } from '../problem.ts';
import { checkPicture } from './idcloud-picture.ts';
import { IdcloudRefusal } from './idcloud-refusal.ts';
import type { FreshCapture } from './require-captures.ts';

/** What a create call says beside the face. */
export interface IdcloudFacts {
  subject: { code: string; name?: string | undefined; email?: string | undefined; phone?: string | undefined };
  useCase?: string | undefined;
}

/**
 * The create call that will be posted, in edition D's camel case, with a picture from the vault that IDCloud would take: the same checks as at its own face.
 * The picture, which is at most 800 KB, is held whole for them; no JSON is built of it.
 * @throws ProblemError `unfit-request` with IDCloud's code
 */
export async function idcloudBody(vault: Vault, facts: IdcloudFacts, capture: FreshCapture): Promise<Buffer[]> {
  if (capture.bytes > IDCLOUD_MAX_IMAGE_BYTES) throw unfit(20506);
  const chunks: Uint8Array[] = [];
  for await (const chunk of vault.open(capture)) {
    // Copied: the source may reuse its buffer.
    chunks.push(Uint8Array.from(chunk));
  }
  const imageBase64 = Buffer.concat(chunks).toString('base64');
  try {
    checkPicture(imageBase64);
  } catch (error) {
    if (!(error instanceof IdcloudRefusal)) throw error;
    throw unfit(error.code);
  }
  return [
    Buffer.from(`${JSON.stringify(facts).slice(0, -1)},"imageBase64":"`),
    Buffer.from(imageBase64, 'latin1'),
    Buffer.from('"}'),
  ];
}

const unfit = (code: IdcloudErrorCode) =>
  new ProblemError('unfit-request', [{ path: '/face', problem: `IDCloud’s code ${code}` }]);
