import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../stack/ports.ts';
import type { Processes, ServiceProcess } from '../stack/processes.ts';
import { waitFor } from '../stack/wait-for.ts';
import { spread, table } from './numbers.ts';
import { statusOf } from './processor.ts';
import type { Place } from './servers.ts';

const bridgeMain = path.resolve(import.meta.dirname, '../../packages/device-bridge/src/main.ts');

/** A process's resident memory, in MiB. */
export interface Resident {
  name: string;
  /** `VmRSS` once it has settled, of each start. */
  settled: number[];
  /** `VmHWM`: the most it ever had. */
  peak: number[];
}

/**
 * Starts each as a process of its own and reads its memory when it has stopped to move: the bridge as it is delivered, without a reader and
 * without a gateway that answers, and beside it Node with an empty HTTP server.
 */
export async function measureBridge(starts: number, { dir, processes, report }: Place): Promise<Resident[]> {
  report('starting the bridge and waiting until its memory is steady');
  const programs = [
    ['device bridge, idle', startBridge],
    ['node with an empty HTTP server, in TypeScript', startEmpty('empty-server.ts')],
    ['node with an empty HTTP server, in JavaScript', startEmpty('empty-server.mjs')],
  ] as const;
  const found = programs.map(([name]): Resident => ({ name, settled: [], peak: [] }));
  for (let i = 0; i < starts; i++) {
    for (const [at, [, start]] of programs.entries()) {
      const service = await start(path.join(dir, `bridge-${i}`), processes);
      found[at]?.settled.push(await settled(service));
      found[at]?.peak.push(statusOf(service, 'VmHWM'));
      await service.stop();
    }
  }
  return found;
}

async function startBridge(dir: string, processes: Processes): Promise<ServiceProcess> {
  await mkdir(dir, { recursive: true });
  // As after an enrolment; with a code instead it would wait for a gateway before it starts.
  const identity = { id: '00000000-0000-4000-8000-000000000000', name: 'bench', key: 'station-key-of-the-bench' };
  await writeFile(path.join(dir, 'station.key'), JSON.stringify(identity), { mode: 0o600 });
  return await processes.start({
    name: 'bridge',
    main: bridgeMain,
    env: {
      PORT: String(await freePort()),
      GATEWAY_URL: `http://127.0.0.1:${await freePort()}`,
      ATESTO_STATE_DIR: dir,
    },
    ready: { event: 'bridge-started' },
  });
}

const startEmpty = (file: string) => (_dir: string, processes: Processes) =>
  processes.start({ name: 'empty-server', main: path.join(import.meta.dirname, file), ready: { line: /listening/ } });

/** Looks until ten seconds went by within half a MiB. */
async function settled(service: ServiceProcess): Promise<number> {
  const last: number[] = [];
  await waitFor(
    () => {
      last.push(statusOf(service, 'VmRSS'));
      if (last.length > 20) last.shift();
      return last.length === 20 && Math.max(...last) - Math.min(...last) < 0.5;
    },
    { what: `a steady memory of ${service.name}`, timeoutMs: 60_000, everyMs: 500 },
  );
  return last.at(-1) as number;
}

export function describeBridge(found: readonly Resident[]): string {
  return [
    `Resident memory when idle, median (min–max) of ${found[0]?.settled.length} starts:`,
    '',
    table(
      ['process', 'VmRSS, MiB', 'most ever, MiB'],
      found.map(({ name, settled, peak }) => [name, spread(settled, 1), spread(peak, 1)]),
    ),
  ].join('\n');
}
