import type * as V8 from 'node:inspector/promises';
import { WebSocket } from 'undici';
import type { ServiceProcess } from '../stack/processes.ts';
import { waitFor } from '../stack/wait-for.ts';
import { table } from './numbers.ts';

/** Parts of the processor time of the main thread, in per cent, the largest first. Threads of libuv (file reads) are not in it. */
export interface Profile {
  /** Per cent of the time in which the main thread waited; the parts are of the rest. */
  idle: number;
  /** By where the code is: a folder of ours, a package, a module of Node, or the name of native code. */
  places: [place: string, percent: number][];
  functions: [name: string, percent: number][];
}

const SAMPLE_US = 100;

/** Settings of a service that may be profiled: its inspector opens at SIGUSR1, on a port that is free. */
export const PROFILABLE = { NODE_OPTIONS: '--inspect-port=0' };

export interface Profiler {
  /** Looks at the process while `work` is done. It may be frozen until `work` wakes it. */
  during(work: () => Promise<unknown>): Promise<Profile>;
}

/** V8's sampling profiler in a service that runs. */
export async function openProfiler(service: ServiceProcess): Promise<Profiler> {
  const call = await openInspector(service);
  await call('Profiler.enable');
  await call('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  return {
    async during(work) {
      const started = call('Profiler.start');
      await work();
      await started;
      const { profile } = await call<{ profile: V8.Profiler.Profile }>('Profiler.stop');
      return summaryOf(profile);
    },
  };
}

async function openInspector(service: ServiceProcess) {
  service.kill('SIGUSR1');
  const url = await waitFor(() => /Debugger listening on (ws:\S+)/.exec(service.output())?.[1], {
    what: 'the inspector',
  });
  const socket = new WebSocket(url);
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(data) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  let last = 0;
  return async <Result>(method: string, params: object = {}): Promise<Result> => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.set(++last, resolve);
    socket.send(JSON.stringify({ id: last, method, params }));
    return (await promise) as Result;
  };
}

function summaryOf(profile: V8.Profiler.Profile): Profile {
  const self = new Map<number, number>();
  profile.samples?.forEach((id, i) => {
    self.set(id, (self.get(id) ?? 0) + (profile.timeDeltas?.[i] ?? 0));
  });
  const [places, functions] = [new Map<string, number>(), new Map<string, number>()];
  const add = (sums: Map<string, number>, key: string, time: number) => sums.set(key, (sums.get(key) ?? 0) + time);
  let [busy, idle] = [0, 0];
  for (const { id, callFrame } of profile.nodes) {
    const time = self.get(id) ?? 0;
    if (callFrame.functionName === '(idle)') {
      idle += time;
      continue;
    }
    busy += time;
    const place = placeOf(callFrame);
    add(places, place, time);
    add(functions, callFrame.url ? `${callFrame.functionName || '(anonymous)'} in ${place}` : place, time);
  }
  const parts = (sums: Map<string, number>, count: number) =>
    [...sums]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([name, time]): [string, number] => [name, (100 * time) / busy]);
  return { idle: (100 * idle) / (idle + busy), places: parts(places, 25), functions: parts(functions, 30) };
}

function placeOf({ url, functionName }: { url: string; functionName: string }): string {
  if (url === '') return functionName.startsWith('(') ? functionName : `native ${functionName}`;
  if (url.startsWith('node:')) return url;
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (dependency) return dependency;
  return /\/((?:packages|test)\/[^?]+)\/[^/]+$/.exec(url)?.[1]?.replace('/src/', '/') ?? url;
}

/** The profile's larger parts. */
export function describeProfile(name: string, { idle, places, functions }: Profile): string {
  const rows = (parts: Profile['places']) => parts.map(([place, percent]) => [place, percent.toFixed(1)]);
  return [
    `Profile of ${name}, main thread (idle ${idle.toFixed(0)} % of the time; per cent of the rest, self time):`,
    '',
    table(['where', '%'], rows(places)),
    '',
    table(['function', '%'], rows(functions)),
  ].join('\n');
}
