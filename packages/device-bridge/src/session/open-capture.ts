import { randomUUID } from 'node:crypto';
import type { OperatorVerification } from '@atesto/shared/domain/transaction';
import type { CaptureImage, CapturePackage } from '../outbox/package.ts';
import type { CapturePlan } from './capture-plan.ts';
import { type CapturedFinger, type Progress, withoutPicture } from './capture-run.ts';
import type { Purpose } from './session-state.ts';

/** What is under way at the reader. */
interface ReaderRun {
  /** Ends the run; each run has its own. */
  cancel: AbortController;
  progress?: Progress;
}

/** The capture that is open, from Enroll or Verify to Capture Send. */
export interface ClientCapture extends ReaderRun {
  purpose: Purpose;
  /** The person's CPF. */
  subject: string;
  plan: CapturePlan;
  fingers: readonly CapturedFinger[];
  /** Epoch milliseconds. */
  capturedAt: number;
  /** Known from READY_TO_SEND on, so that a caller whose Send was cut off can ask for the result. */
  tguid?: string;
}

/** An operator's capture without a client's before it, up to the remote request. */
export interface RemoteCapture extends ReaderRun {
  purpose: 'remote';
}

export type OpenCapture = ClientCapture | RemoteCapture;

export interface CompletePackage {
  record: CapturePackage;
  images: CaptureImage[];
}

/** Everything that has to be sent, under a fresh TGUID. An operator who could not be compared leaves the finger as evidence. */
export function completePackage(
  open: ClientCapture,
  operator: { cpf: string; verification: OperatorVerification; fingers: readonly CapturedFinger[] },
): CompletePackage {
  const { purpose: kind, subject, capturedAt, fingers, plan } = open;
  const { cpf, verification } = operator;
  const finger = verification === 'deferred' ? operator.fingers[0] : undefined;
  // A new id: the gateway lets a capture into one transaction only, and this one may be in the operator's own verification.
  const evidence = finger && { capture: randomUUID(), png: finger.png };
  return {
    record: {
      tguid: randomUUID(),
      kind,
      subject,
      operator: { cpf, verification, ...(evidence && { evidence: evidence.capture }) },
      capturedAt,
      biometrics: fingers.map(withoutPicture),
      ...(plan.missing.length > 0 && { missingBiometrics: [...plan.missing] }),
    },
    images: [...fingers, ...(evidence ? [evidence] : [])],
  };
}
