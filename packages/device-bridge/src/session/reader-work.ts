import type { FingerIndex } from '@atesto/shared/domain/biometric';
import type { Cpf } from '@atesto/shared/domain/cpf';
import type { Devices } from '../devices.ts';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { type CapturedFinger, captureFingers, type ToPicture } from './capture-run.ts';
import { type ClientCapture, completePackage, type OpenCapture } from './open-capture.ts';
import { checkOperator } from './operator-check.ts';
import type { SessionEvent } from './session-state.ts';
import { advice, asCaptureError } from './words.ts';

export interface ReaderWork {
  devices: Pick<Devices, 'acquire'>;
  gateway: Pick<GatewayClient, 'putCapture' | 'postTransaction'>;
  outbox: Pick<Outbox, 'store'>;
  toPicture: ToPicture;
  fingerTimeoutMs: number;
  /** Seconds to wait for a verdict on the operator. */
  verdictWait: number;
  /** Epoch milliseconds. */
  now: () => number;
  /** Told how it ended, in the same breath as the package is stored; never once the run was cancelled. */
  happen: (event: SessionEvent) => void;
}

/** The person's fingers. Never throws. */
export async function captureClient(work: ReaderWork, open: ClientCapture): Promise<void> {
  const { signal } = open.cancel;
  try {
    const fingers = await capture(work, open, signal, open.plan.fingers);
    if (signal.aborted) return;
    open.fingers = fingers;
    open.capturedAt = work.now();
    work.happen({ type: 'client-captured' });
  } catch (error) {
    if (signal.aborted) return;
    const { kind, message } = asCaptureError(error);
    const status = kind === 'timeout' || kind === 'cancelled' ? 'CLIENT_CAPTURE_CANCELLED' : 'ERROR';
    work.happen({ type: 'client-ended', ended: { status, message: advice(kind, message) } });
  }
}

/** The operator's finger, compared where the server can be asked; completes the package. Never throws. */
export async function captureOperator(
  work: ReaderWork,
  open: OpenCapture,
  operator: { cpf: Cpf; online: boolean; plan: readonly FingerIndex[] },
): Promise<void> {
  const { gateway, now, verdictWait: wait } = work;
  const { cpf, online, plan } = operator;
  const { signal } = open.cancel;
  try {
    const fingers = await capture(work, open, signal, plan);
    const check = online
      ? await checkOperator({ gateway, cpf, fingers, capturedAt: now(), wait })
      : ({ kind: 'identified', verification: 'deferred' } as const);
    if (signal.aborted) return;
    if (check.kind === 'failed') {
      work.happen({ type: 'operator-failed', message: check.message });
      return;
    }
    const { verification } = check;
    if (open.purpose !== 'remote') {
      // On disk before anybody hears that it is ready.
      const { record, images } = completePackage(open, { cpf, verification, fingers });
      work.outbox.store(record, images);
      open.tguid = record.tguid;
      open.fingers = [];
    }
    work.happen({ type: 'operator-captured', verification });
  } catch (error) {
    if (signal.aborted) return;
    const { kind, message } = asCaptureError(error);
    work.happen({ type: 'operator-failed', message: advice(kind, message) });
  }
}

function capture(
  work: ReaderWork,
  open: OpenCapture,
  signal: AbortSignal,
  plan: readonly FingerIndex[],
): Promise<CapturedFinger[]> {
  const { devices, fingerTimeoutMs, toPicture } = work;
  return captureFingers({
    plan,
    fingerTimeoutMs,
    toPicture,
    signal,
    acquire: (until) => devices.acquire(until),
    onProgress: (progress) => {
      if (!signal.aborted) open.progress = progress;
    },
  });
}
