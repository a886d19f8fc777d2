import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { CaptureError } from '../drivers/driver.ts';
import type { DeliveryOutcome } from '../outbox/delivery.ts';
import { OutboxError } from '../outbox/outbox-error.ts';
import type { Progress } from './capture-run.ts';
import type { Purpose } from './session-state.ts';

export const badCpf: SpidServicesAnswer = { status: 'ERROR', message: 'the CPF is not valid: check its digits' };

/** What the person at the reader should do now. */
export const hints: Record<NonNullable<Progress['hint']>, string> = {
  ready: 'put the finger on the reader',
  'finger-on': 'hold still',
  'finger-off': 'lift the finger',
  again: 'no finger was seen: put it on the reader again',
};

/** Names whatever ended a capture, the disk included. */
export function asCaptureError(error: unknown): CaptureError {
  if (error instanceof CaptureError) return error;
  if (error instanceof OutboxError && error.kind === 'full')
    return new CaptureError('device-fault', 'this computer’s disk is full: free space and repeat', { cause: error });
  if (error instanceof OutboxError)
    return new CaptureError('device-fault', 'this computer cannot store the capture', { cause: error });
  return new CaptureError('device-fault', 'the capture failed', { cause: error });
}

/** What the operator can do about it. */
export function advice(kind: CaptureError['kind'], message: string): string {
  switch (kind) {
    case 'device-lost':
      return 'the reader was unplugged: plug it in and start again';
    case 'timeout':
      return 'no finger came in time: start again';
    case 'cancelled':
      return 'the capture was cancelled: start again';
    case 'device-fault':
      return message;
    default:
      return kind satisfies never;
  }
}

/** What Capture Send answers for what came of the delivery (6.2 rows 10 and 11, 6.3 rows 4 and 5). */
export function sentAs(
  purpose: Purpose,
  outcome: DeliveryOutcome,
): { status: 'CAPTURE_ENQUEUED' | 'VERIFIED' | 'SEARCH_PENDING' | 'ERROR'; message?: string } {
  switch (outcome.kind) {
    case 'accepted':
      if (purpose === 'enroll') return { status: 'CAPTURE_ENQUEUED' };
      switch (outcome.view.state) {
        case 'concluded':
          return { status: 'VERIFIED' };
        case 'accepted':
        case 'submitting':
        case 'awaiting':
          return { status: 'SEARCH_PENDING' };
        default:
          return { status: 'ERROR', message: 'the server did not answer: it is kept and tried again' };
      }
    case 'kept':
      return { status: 'ERROR', message: 'not sent: it is kept and tried again' };
    case 'refused':
      return { status: 'ERROR', message: `the gateway refused it (${outcome.reason}): a person has to look` };
    case 'gone':
      return { status: 'ERROR', message: 'it was sent before: ask for its result' };
    default:
      return outcome satisfies never;
  }
}
