import { SPID_SERVICES_PORT } from '@atesto/shared/contracts/spid-services';
import type { Log } from '@atesto/shared/telemetry/log';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import type { Camera } from './camera/camera.ts';
import { FaceCapture } from './camera/face-capture.ts';
import { type DeviceStatus, Devices, type DevicesOptions } from './devices.ts';
import { matchDriver } from './drivers/device-table.ts';
import type { BackOffOptions } from './link/back-off.ts';
import { GatewayClient, type GatewayClientOptions } from './link/gateway-client.ts';
import { StationLink } from './link/station-link.ts';
import { Delivery } from './outbox/delivery.ts';
import { OperatorStore } from './outbox/operators.ts';
import { Outbox } from './outbox/outbox.ts';
import { openStore } from './outbox/store.ts';
import { createDispatch, type Dispatch } from './session/dispatch.ts';
import { type FaceOptions, openFace } from './session/face.ts';
import { type PictureOptions, pictureMaker } from './session/picture.ts';
import { Session } from './session/session.ts';
import type { SessionOptions } from './session/session-options.ts';
import type { UsbTransport } from './transport/transport.ts';

export interface BridgeOptions
  extends Pick<SessionOptions, 'plans' | 'missingTypes' | 'fingerTimeoutMs' | 'offlineLoginMs'>,
    Pick<FaceOptions, 'routes' | 'timeouts' | 'requireTokenForLocal' | 'pairingToken'>,
    PictureOptions {
  /** Seconds to wait for a verdict on a verification. */
  verdictWait?: number;
  /** Port of the local face on 127.0.0.1; 0 takes a free one. */
  port?: number;
  /** Where the gateway is, and the station's key. */
  gateway: GatewayClientOptions;
  /** Path of the station's database; its folder exists. */
  outboxFile: string;
  outboxMaxBytes?: number;
  /** Seals what the station stores. */
  keyRing: KeyRing;
  /** Origins of paired consoles. */
  allowedOrigins?: readonly string[];
  deliveryBackOff?: BackOffOptions;
  linkBackOff?: BackOffOptions;
  version?: string;
}

export interface BridgeParts {
  transport: UsbTransport;
  /** The device table; another one in tests. */
  match?: DevicesOptions['match'];
  /** What takes faces; none where left out. */
  camera?: Camera | undefined;
  log?: Log;
}

/** Milliseconds for a face to come, where nothing else is set. */
const FACE_TIMEOUT_MS = 30_000;

export interface Bridge {
  /** Of the local face: `http://127.0.0.1:19980`. */
  url: string;
  port: number;
  /** The calls of SPID Services, as face and link execute them. */
  dispatch: Dispatch;
  deviceStatus: () => DeviceStatus;
  linkConnected: () => boolean;
  close: () => Promise<void>;
}

/** Brings a station up: store, readers, session, delivery, link, and the local face last. @throws OutboxError, or where the port is taken */
export async function startBridge(options: BridgeOptions, parts: BridgeParts): Promise<Bridge> {
  const { keyRing: keys, outboxFile: file, outboxMaxBytes, port = SPID_SERVICES_PORT } = options;
  const { transport, match = matchDriver, camera, log } = parts;
  const verdictWait = options.verdictWait ?? 20;
  const db = openStore({ file, ...(outboxMaxBytes !== undefined && { maxBytes: outboxMaxBytes }) });
  const outbox = new Outbox({ db, keys });
  const gateway = new GatewayClient(options.gateway);
  const delivery = new Delivery({
    outbox,
    gateway,
    ...(options.deliveryBackOff && { backOff: options.deliveryBackOff }),
    onOutcome: ({ tguid, attempts }, outcome) => {
      const reason = 'reason' in outcome ? outcome.reason : undefined;
      const level = outcome.kind === 'refused' ? 'error' : outcome.kind === 'kept' ? 'warn' : 'info';
      log?.[level]('capture-delivery', { transaction: tguid, outcome: outcome.kind, reason, attempt: attempts + 1 });
    },
  });
  const devices = new Devices({
    transport,
    match,
    onChange: () => devicesChanged(),
    occupied: () => face.obstacle(),
  });
  const face = new FaceCapture({
    camera,
    gateway,
    readerInUse: () => devices.inUse(),
    timeoutMs: options.fingerTimeoutMs ?? FACE_TIMEOUT_MS,
    onOutcome: (outcome) => log?.[outcome === 'taken' ? 'info' : 'warn']('face-capture', { outcome }),
  });
  const session = new Session({
    ...options,
    verdictWait,
    devices,
    gateway,
    outbox,
    delivery,
    operators: new OperatorStore({ db, keys }),
    toPicture: pictureMaker(options),
    onStatus: (status) => {
      log?.debug('capture-status', { state: status });
      link.progress(status);
    },
  });
  const dispatch = createDispatch(session, { gateway, outbox, delivery, verdictWait }, (error) =>
    log?.error('call-failed', { error }),
  );
  const { url, key, ca } = options.gateway;
  const link = new StationLink({
    url,
    key,
    ...(ca !== undefined && { ca }),
    dispatch,
    version: options.version ?? '0.1.0',
    devices: () => devices.views(),
    camera: camera?.name,
    takeFace: (capture, cancelled) => face.take(capture, cancelled),
    ...(options.linkBackOff && { backOff: options.linkBackOff }),
    onConnected: () => {
      log?.info('link-connected');
      delivery.wake();
    },
    onLost: (code) => log?.warn('link-lost', { code: String(code) }),
  });
  function devicesChanged(): void {
    const status = devices.status();
    log?.info('devices-changed', { state: status.kind, count: devices.views().length });
    link.hello();
  }

  let local: Awaited<ReturnType<typeof openFace>> | undefined;
  const close = async (): Promise<void> => {
    await local?.close();
    link.close();
    devices.stop();
    // First what may wait for an answer, then what waits for that.
    await gateway.close();
    await face.close();
    await session.close();
    await delivery.close();
    if (db.isOpen) db.close();
  };
  try {
    session.resume();
    await devices.start();
    // A Capture Send may wait for its verdict: its socket is not quiet, it is patient.
    const socketMs = Math.max(120_000, verdictWait * 1_000 + 60_000);
    local = await openFace(port, {
      ...options,
      dispatch,
      allowedOrigins: options.allowedOrigins ?? [],
      timeouts: { socketMs, ...options.timeouts },
    });
  } catch (error) {
    await close();
    throw error;
  }
  link.open();
  delivery.wake();
  log?.info('bridge-started', { port: local.port, count: outbox.pending().length });
  return {
    url: local.url,
    port: local.port,
    dispatch,
    deviceStatus: () => devices.status(),
    linkConnected: () => link.connected,
    close,
  };
}
