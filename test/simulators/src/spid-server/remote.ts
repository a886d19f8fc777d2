import { randomBytes } from 'node:crypto';
import type { StoredBiometric } from './biometrics.ts';

/**
 * Where a remote capture stands: the link waits, a face has come in, the external service has told of it, the AR has reviewed it; or nobody
 * used the link in time.
 */
export type RemoteStage = 'awaiting' | 'captured' | 'received' | 'approved' | 'refused' | 'expired';

export interface RemoteCapture {
  tguid: string;
  /** Last part of the link; whoever holds it may capture. */
  token: string;
  purpose: 'verify' | 'enroll';
  stage: RemoteStage;
  /** Epoch milliseconds. */
  expiresAt: number;
  face: StoredBiometric | undefined;
}

/** The remote captures of a simulated server. */
export class RemoteCaptures {
  readonly #byTguid = new Map<string, RemoteCapture>();
  readonly #byToken = new Map<string, RemoteCapture>();

  open(tguid: string, purpose: RemoteCapture['purpose'], expiresAt: number): RemoteCapture {
    const token = randomBytes(18).toString('base64url');
    const capture: RemoteCapture = { tguid, token, purpose, stage: 'awaiting', expiresAt, face: undefined };
    this.#byTguid.set(tguid, capture);
    this.#byToken.set(token, capture);
    return capture;
  }

  get(tguid: string): RemoteCapture | undefined {
    return this.#byTguid.get(tguid);
  }

  byToken(token: string): RemoteCapture | undefined {
    return this.#byToken.get(token);
  }

  all(): RemoteCapture[] {
    return [...this.#byTguid.values()];
  }

  rename(from: string, to: string): void {
    const capture = this.#byTguid.get(from);
    if (!capture) return;
    this.#byTguid.delete(from);
    capture.tguid = to;
    this.#byTguid.set(to, capture);
  }

  /** Ends the links that nobody used in time. Returns their transactions. */
  expire(now: number): string[] {
    const due = this.all().filter((one) => one.stage === 'awaiting' && one.expiresAt <= now);
    for (const one of due) one.stage = 'expired';
    return due.map((one) => one.tguid);
  }
}
