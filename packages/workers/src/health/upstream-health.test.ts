import type { Circuit } from '@atesto/shared/ledger/account-health';
import { beforeEach, expect, it } from 'vitest';
import type { UpstreamHealth } from './upstream-health.ts';
import { createUpstreamHealth } from './upstream-health.ts';

const away = { kind: 'unavailable', reason: 'connect-refused' } as const;
const there = { kind: 'taken' } as const;

let ms: number;
let waits: number[];
let written: string[];
let changes: string[];
let jobs: number;
let inLedger: Circuit;
let health: UpstreamHealth;
/** How the ledger says that it stands after it was to be closed. */
let closed: Circuit;

beforeEach(() => {
  [ms, waits, written, changes, jobs] = [0, [], [], [], 50];
  inLedger = { state: 'open', forMs: 2_000 };
  closed = { state: 'closed' };
  health = createUpstreamHealth({
    upstream: 'spid',
    store: {
      open: async () => {
        written.push('open');
        return inLedger;
      },
      close: async () => {
        written.push('close');
        return closed;
      },
    },
    most: 50,
    adapt: (allowed) => {
      jobs = allowed;
    },
    onChange: (state) => void changes.push(state),
    onError: (error) => {
      throw error;
    },
    random: () => 0,
    clock: {
      now: () => ms,
      wait: async (waited) => {
        waits.push(waited);
        ms += waited;
      },
    },
  });
});

const call = (result: typeof away | typeof there) => health.watch('submit', 'spid.enroll', async () => result);
const calls = async (count: number, result: typeof away | typeof there) => {
  for (let i = 0; i < count; i++) await call(result);
};
const see = (circuit: Circuit) => {
  inLedger = circuit;
  health.see(circuit, ++ms);
};
async function enter(): Promise<{ leave(): void }> {
  const entered = await health.enter();
  if ('putOffMs' in entered) throw new Error('it was put off');
  return entered;
}

it('opens when most calls of the last ones found nobody, and never by fewer than ten', async () => {
  await calls(9, away);
  expect([health.state, jobs, written]).toEqual(['closed', 50, []]);
  await call(away);
  expect([health.state, jobs, written, changes]).toEqual(['open', 0, ['open'], ['open']]);
  expect(await health.enter()).toEqual({ putOffMs: 3_000 });
});

it('does not open where a good part of the calls is answered, nor by what says nothing', async () => {
  for (let i = 0; i < 200; i++) await call(i % 4 ? away : there);
  for (let i = 0; i < 50; i++) {
    await health.watch('submit', 'spid.enroll', async () => ({ kind: 'unavailable', reason: 'unauthorized' }) as const);
    await health.watch('submit', 'spid.enroll', async () => ({ kind: 'refused', reason: 'bad-request' }) as const);
    await health.watch('submit', 'spid.enroll', async () => ({ kind: 'throttled' }) as const);
  }
  expect(health.state).toBe('closed');
});

it('opens where sends find nobody, however well reads go, and not the other way round', async () => {
  const ask = (result: typeof away | typeof there) => health.watch('result', 'spid.enroll', async () => result);
  for (let i = 0; i < 50; i++) {
    await ask(away);
    await call(there);
  }
  expect(health.state).toBe('closed');
  for (let i = 0; i < 10; i++) {
    await ask(there);
    await ask(there);
    for (let send = 0; send < 4; send++) await call(away);
  }
  expect(health.state).toBe('open');
});

it('opens where only reads are made, and they find nobody', async () => {
  for (let i = 0; i < 10; i++) await health.watch('result', 'spid.enroll', async () => away);
  expect(health.state).toBe('open');
});

it('passes on what a call throws, and learns nothing from it', async () => {
  for (let i = 0; i < 20; i++) {
    await expect(health.watch('submit', 'spid.enroll', () => Promise.reject(new Error('the vault')))).rejects.toThrow(
      'the vault',
    );
  }
  expect(health.state).toBe('closed');
});

it('lets one job at a time through where it may probe, and closes when two of three went well', async () => {
  await calls(10, away);
  see({ state: 'half-open', mine: true });
  expect(jobs).toBe(1);
  for (const found of [there, away, there]) {
    expect(health.state).toBe('half-open');
    const probe = await enter();
    expect(await health.enter()).toEqual({ putOffMs: 1_000 });
    await call(found);
    probe.leave();
  }
  await expect.poll(() => health.state).toBe('closed');
  expect([written, changes, jobs]).toEqual([['open', 'close'], ['open', 'closed'], 1]);
});

it('is not closed by a process whose right to probe has gone over to another', async () => {
  await calls(10, away);
  see({ state: 'half-open', mine: true });
  closed = { state: 'half-open', mine: false };
  await calls(2, there);
  await expect.poll(() => jobs).toBe(0);
  expect([health.state, written]).toEqual(['half-open', ['open', 'close']]);
});

it('is open again when two probes found nobody, without saying so again', async () => {
  await calls(10, away);
  see({ state: 'half-open', mine: true });
  inLedger = { state: 'open', forMs: 4_000 };
  await calls(2, away);
  expect([health.state, jobs, written, changes]).toEqual(['open', 0, ['open', 'open'], ['open']]);
  expect(await health.enter()).toEqual({ putOffMs: 5_000 });
});

it('stays away while another process probes', async () => {
  see({ state: 'open', forMs: 1_000 });
  expect([jobs, changes]).toEqual([0, ['open']]);
  see({ state: 'half-open', mine: false });
  expect([jobs, await health.enter()]).toEqual([0, { putOffMs: 1_000 }]);
  see({ state: 'closed' });
  expect([jobs, changes]).toEqual([1, ['open', 'closed']]);
});

it('takes no notice of calls that began before the last change', async () => {
  const { promise, resolve } = Promise.withResolvers<typeof there>();
  const early = Array.from({ length: 5 }, () => health.watch('submit', 'spid.enroll', () => promise));
  await calls(10, away);
  see({ state: 'half-open', mine: true });
  resolve(there);
  await Promise.all(early);
  expect([health.state, written]).toEqual(['half-open', ['open']]);
});

it('does not believe the ledger what it was asked before the last change', async () => {
  const askedAt = ms;
  ms += 5;
  await calls(10, away);
  health.see({ state: 'closed' }, askedAt);
  expect(health.state).toBe('open');
});

it('begins slowly after an outage: seven in the first second, and all after ten', async () => {
  see({ state: 'open', forMs: 1_000 });
  see({ state: 'closed' });
  const since = ms;
  const begun: number[] = [];
  while (ms - since < 4_000) {
    (await enter()).leave();
    begun.push(ms - since);
  }
  const within = (from: number) => begun.filter((at) => at >= from && at < from + 1_000).length;
  expect([0, 1_000, 2_000].map(within)).toEqual([7, 14, 29]);
  ms = since + 10_001;
  waits.length = 0;
  for (let i = 0; i < 100; i++) (await enter()).leave();
  expect(waits).toEqual([]);
});

it('puts off what waited for its turn when it opens again meanwhile', async () => {
  see({ state: 'open', forMs: 1_000 });
  see({ state: 'closed' });
  (await enter()).leave();
  const waiting = health.enter();
  see({ state: 'open', forMs: 500 });
  expect(await waiting).toEqual({ putOffMs: 1_500 });
});
