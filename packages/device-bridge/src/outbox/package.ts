import { newBiometric } from '@atesto/shared/contracts/gateway';
import { missingBiometric } from '@atesto/shared/contracts/spid-server';
import { operatorVerifications } from '@atesto/shared/domain/transaction';
import * as z from 'zod';

/** Everything that one capture needs to be sent without the person, the operator or the session: complete at READY_TO_SEND. */
export const capturePackage = z.object({
  /** Minted at the station; the transaction's id at the gateway, kept across resends. */
  tguid: z.uuid(),
  kind: z.enum(['enroll', 'verify']),
  subject: z.string(),
  operator: z.object({
    cpf: z.string(),
    verification: z.enum(operatorVerifications),
    /** Capture of the operator's finger, where nobody could compare it at the time. */
    evidence: z.uuid().optional(),
  }),
  /** Epoch milliseconds. */
  capturedAt: z.int(),
  biometrics: z.array(newBiometric).min(1),
  /** Fingers that the person lacks. */
  missingBiometrics: z.array(missingBiometric).optional(),
});
export type CapturePackage = z.infer<typeof capturePackage>;

/** A picture under the id that it has at the gateway. */
export interface CaptureImage {
  capture: string;
  png: Uint8Array;
}
