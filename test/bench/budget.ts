import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BudgetClient, type Outstanding, openAtestoClient, openObviousClient } from './budget-clients.ts';
import type { Counts } from './budget-counts.ts';
import { openChild } from './child.ts';
import { openServers, type Place } from './servers.ts';

const OFFERED_PER_SECOND = 8;
const OUTSTANDING = 300;
/** What is outstanding is at most so old, and ends within so much. */
const OUTSTANDING_AGE_MS = 600_000;
const OUTSTANDING_ENDS_MS = 120_000;
/** Offers before the window, for connections and compiled code; they are not counted. */
const WARMING_SECONDS = 5;
const NOT_COUNTED_FROM = 1_000_000;
/** A create that was offered at the end may be sent this much later. */
const AFTERWARDS_MS = 1_000;
const WORKERS = 2;

interface BudgetOptions extends Place {
  /** Length of each client's window. */
  seconds: number;
}

export interface Window extends Counts {
  name: string;
  offered: number;
  /** Of each create that was offered in the window and taken, from its offer to its coming, in milliseconds. */
  waits: number[];
}

export interface BudgetResults {
  seconds: number;
  windows: Window[];
}

/** Each client in its turn, before a fresh upstream of its own: the same offers, the same processes outstanding. */
export async function measureBudget(options: BudgetOptions): Promise<BudgetResults> {
  const { seconds, dir, processes, report } = options;
  const servers = await openServers(options);
  const outstanding = Array.from({ length: OUTSTANDING }, (_, i) => ({
    id: randomUUID(),
    ageMs: (i / OUTSTANDING) * OUTSTANDING_AGE_MS,
    overInMs: Math.random() * OUTSTANDING_ENDS_MS,
  }));
  const offers = offersFor(seconds);
  const clients: Record<string, (upstream: string) => Promise<BudgetClient> | BudgetClient> = {
    atesto: async (upstream) =>
      openAtestoClient({
        upstream,
        redis: servers.redisUrl(),
        database: await servers.postgres.createDatabase(),
        dir,
        processes,
        workers: WORKERS,
      }),
    obvious: openObviousClient,
  };
  const windows: Window[] = [];
  for (const [name, open] of Object.entries(clients)) {
    const upstream = openChild('budget-server.ts', [], path.join(dir, `budget-${name}.log`));
    processes.onStop(() => upstream.stop());
    const client = await open(await upstream.ask<string>('url'));
    processes.onStop(() => client.close());
    await client.prepare(outstanding satisfies Outstanding[]);
    await upstream.ask('begin', outstanding);
    report(`${name}: warming up`);
    await offerAll(client, offersFor(WARMING_SECONDS), NOT_COUNTED_FROM);
    report(`${name}: ${seconds} s`);
    await upstream.ask('count');
    const offeredAt = await offerAll(client, offers);
    const counts = await upstream.ask<Counts>('counts');
    await client.close();
    const waits = counts.arrivals
      .filter(({ number }) => number < offers.length)
      .map(({ number, at }) => at - (offeredAt[number] as number));
    windows.push({ name, offered: offers.length, waits, ...counts });
  }
  return { seconds, windows };
}

/** When each create is offered: one in each eighth of a second, somewhere in it. */
function offersFor(seconds: number): number[] {
  return Array.from(
    { length: seconds * OFFERED_PER_SECOND },
    (_, i) => ((i + Math.random()) * 1000) / OFFERED_PER_SECOND,
  );
}

/** Offers each at its time. @returns when each was offered, by the machine's clock */
async function offerAll(client: BudgetClient, offers: readonly number[], from = 0): Promise<number[]> {
  const began = performance.now();
  const offeredAt: number[] = [];
  const offering: Promise<void>[] = [];
  for (const [number, at] of offers.entries()) {
    await delay(Math.max(0, began + at - performance.now()));
    offeredAt.push(performance.timeOrigin + performance.now());
    offering.push(client.offer(from + number));
  }
  await Promise.all(offering);
  await delay(AFTERWARDS_MS);
  return offeredAt;
}
