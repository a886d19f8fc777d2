import { Session } from 'node:inspector/promises';

/** Parts of the processor time of the main thread, in per cent, the largest first. Threads of libuv (file reads) are not in it. */
export interface Profile {
  /** Per cent of the time in which the main thread waited; the parts are of the rest. */
  idle: number;
  /** By where the code is: a folder of ours, a package, a module of Node, or the name of native code. */
  places: [place: string, percent: number][];
  functions: [name: string, percent: number][];
}

const SAMPLE_US = 100;

/** Runs `work` under V8's sampling profiler. */
export async function profiled(work: () => Promise<unknown>): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await session.post('Profiler.start');
  await work();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();

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
    // The profiler's own start and end.
    if (callFrame.url === 'node:inspector') continue;
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
