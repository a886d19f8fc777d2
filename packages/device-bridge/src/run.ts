import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BridgeSettings, readBridgeSettings } from '@atesto/shared/config/bridge';
import { resolveKeys } from '@atesto/shared/config/keys';
import { type Environment, SettingsError } from '@atesto/shared/config/settings';
import { untilStopped } from '@atesto/shared/config/stop-signal';
import { createLog, type Log } from '@atesto/shared/telemetry/log';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { type Bridge, startBridge } from './bridge.ts';
import { fileCamera } from './camera/file-camera.ts';
import { isKnownDevice } from './drivers/device-table.ts';
import { enrol } from './link/enrol.ts';
import { readStationKey, type StationIdentity } from './link/station-key.ts';
import { OutboxError } from './outbox/outbox-error.ts';
import type { UsbTransport } from './transport/transport.ts';
import { Usb3Transport } from './transport/usb3.ts';

export interface RunOptions {
  transport?: UsbTransport;
  /** Ends the service; SIGTERM and SIGINT where not given. */
  stop?: AbortSignal;
  onStarted?: (bridge: Bridge) => void;
}

/** Runs the service until it is told to stop. The exit code: 0, or 1 where it could not start. */
export async function runBridge(environment: Environment, options: RunOptions = {}): Promise<number> {
  let bridge: Bridge;
  let log: Log | undefined;
  try {
    const settings = readBridgeSettings(environment);
    log = createLog({ service: 'bridge', level: settings.logLevel });
    for (const { setting, source, configured } of settings.summary)
      log.debug('setting', { setting, source, configured });
    bridge = await start(settings, log, options.transport);
  } catch (error) {
    log?.error('bridge-failed', { error });
    process.stderr.write(`${explain(error)}\n`);
    return 1;
  }
  options.onStarted?.(bridge);
  await untilStopped(options.stop);
  log.info('bridge-stopping');
  await bridge.close();
  return 0;
}

async function start(settings: BridgeSettings, log: Log, transport?: UsbTransport): Promise<Bridge> {
  const { gateway, keys, stateDir, outboxFile, stationKeyFile, cameraFile, ...rest } = settings;
  for (const folder of new Set([stateDir, dirname(outboxFile), dirname(stationKeyFile)]))
    await mkdir(folder, { recursive: true, mode: 0o700 });
  const station = await identity(settings, log);
  const { kek, indexKey, source } = await resolveKeys(keys, stateDir);
  log.info('station', { station: station.id, source, version: process.versions.node });
  const keyRing = createKeyRing(parseKeyRing(kek), parseKey(indexKey));
  return startBridge(
    { ...rest, outboxFile, keyRing, gateway: { ...gateway, key: station.key } },
    {
      transport: transport ?? new Usb3Transport({ wanted: isKnownDevice }),
      camera: cameraFile === undefined ? undefined : fileCamera(cameraFile),
      log,
    },
  );
}

/** The station's key, redeemed now where there is only a code. */
async function identity(settings: BridgeSettings, log: Log): Promise<StationIdentity> {
  const { stationKeyFile: keyFile, enrolmentCode, gateway } = settings;
  const known = await readStationKey(keyFile);
  if (known) return known;
  if (enrolmentCode === undefined)
    throw new SettingsError([{ setting: 'ENROLMENT_CODE', problem: 'is not set, and this station has no key yet' }]);
  const result = await enrol(enrolmentCode, { ...gateway, keyFile });
  switch (result.kind) {
    case 'ok':
      log.info('station-enrolled', { station: result.station.id });
      return result.station;
    case 'refused':
      throw new SettingsError([
        { setting: 'ENROLMENT_CODE', problem: `the gateway refused it (${result.status}): ask for a new one` },
      ]);
    case 'unavailable':
      throw new SettingsError([{ setting: 'GATEWAY_URL', problem: 'the gateway gave no answer: try again later' }]);
    default:
      return result satisfies never;
  }
}

/** For the person at the console. Texts of unknown errors stay in the log's terms: they may quote anything. */
function explain(error: unknown): string {
  if (error instanceof SettingsError || error instanceof OutboxError) return error.message;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
  if (code === 'EADDRINUSE') return 'PORT: another program listens on it';
  return `The bridge could not start${code === undefined ? '' : ` (${code})`}: ${error instanceof Error ? error.name : typeof error}`;
}
