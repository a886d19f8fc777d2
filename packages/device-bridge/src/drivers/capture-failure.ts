import { UsbError, type UsbErrorKind } from '../transport/transport.ts';
import { CaptureError, type CaptureErrorKind } from './driver.ts';

const KINDS: Readonly<Record<UsbErrorKind, CaptureErrorKind>> = {
  // A reader that says nothing where its protocol has it answer is broken, not idle.
  timeout: 'device-fault',
  stall: 'device-fault',
  disconnected: 'device-lost',
  busy: 'device-lost',
  access: 'device-lost',
  unavailable: 'device-lost',
  io: 'device-lost',
};

/** Whatever ended a capture, as a `CaptureError`. `step` says for people what was under way; an aborted signal comes first. */
export function toCaptureError(error: unknown, step: string, signal?: AbortSignal): CaptureError {
  if (error instanceof CaptureError) return error;
  if (signal?.aborted) return new CaptureError('cancelled', `${step}: cancelled`, { cause: error });
  const kind = error instanceof UsbError ? KINDS[error.kind] : 'device-fault';
  const message = error instanceof Error ? error.message : String(error);
  return new CaptureError(kind, `${step}: ${message}`, { cause: error });
}
