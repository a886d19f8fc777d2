import type { CaptureStatusWord } from '@atesto/shared/contracts/spid-services';
import type { FingerIndex } from '@atesto/shared/domain/biometric';
import type { Devices } from '../devices.ts';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { OperatorStore } from '../outbox/operators.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { ToPicture } from './capture-run.ts';

export interface SessionOptions {
  devices: Pick<Devices, 'acquire' | 'obstacle'>;
  gateway: Pick<
    GatewayClient,
    'lookupOperator' | 'lookupPerson' | 'putCapture' | 'postTransaction' | 'requestRemoteCapture'
  >;
  outbox: Pick<Outbox, 'ready' | 'read' | 'store' | 'release' | 'discard'>;
  delivery: Pick<Delivery, 'deliver'>;
  operators: OperatorStore;
  toPicture: ToPicture;
  plans?: Partial<CapturePlans>;
  /** Words that the installed SPID Server takes as type of a missing finger. */
  missingTypes?: readonly string[];
  /** Milliseconds for each finger to come. */
  fingerTimeoutMs?: number;
  /** Seconds to wait for a verdict on a verification. */
  verdictWait: number;
  offlineLoginMs?: number;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Called when Capture Status begins to answer another word. */
  onStatus?: (status: CaptureStatusWord) => void;
}

/** Fingers by purpose, in the order they are asked for. */
export interface CapturePlans {
  enroll: readonly FingerIndex[];
  verify: readonly FingerIndex[];
  operator: readonly FingerIndex[];
}
