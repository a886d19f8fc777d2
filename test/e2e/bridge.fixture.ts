import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Bridge, type BridgeOptions, type BridgeParts, startBridge } from '@atesto/device-bridge/bridge';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { waitFor } from '../stack/wait-for.ts';

/** The device bridge in this process, as the test gateway's station and on its line. What it stored goes with it. */
export async function startTestBridge(
  { url, station, context }: TestGateway,
  parts: BridgeParts,
  options: Pick<BridgeOptions, 'plans' | 'calibrations' | 'minCoverage'> = {},
): Promise<Bridge> {
  const home = await mkdtemp(path.join(tmpdir(), 'atesto-e2e-'));
  const bridge = await startBridge(
    {
      port: 0,
      gateway: { url, key: station.key },
      outboxFile: path.join(home, 'outbox.sqlite'),
      keyRing: createKeyRing([{ id: 'k1', key: generateKey() }], generateKey()),
      ...options,
    },
    parts,
  );
  const close = async () => {
    await bridge.close();
    await rm(home, { recursive: true });
  };
  try {
    await waitFor(() => context.stations.isConnected(station.id), { what: 'the line', timeoutMs: 10_000 });
  } catch (error) {
    await close();
    throw error;
  }
  return { ...bridge, close };
}
