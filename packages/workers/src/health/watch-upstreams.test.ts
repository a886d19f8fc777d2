import { randomBytes, randomUUID } from 'node:crypto';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { waitFor } from '../../../../test/stack/wait-for.ts';
import { ledgerInGroups } from '../ledger-in-groups.ts';
import type { WorkObserver } from '../work-context.ts';
import { type WatchedUpstreams, watchUpstreams } from './watch-upstreams.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger?.stop());

const errors: unknown[] = [];

/** The watch of one worker process, and what it tells its consumer. */
function openProcess(): { watched: WatchedUpstreams; adapted: number[]; said: string[] } {
  const adapted: number[] = [];
  const said: string[] = [];
  const observe = {
    call: (_of, _operation, run) => run(),
    circuit: (upstream, state) => void said.push(`${upstream} ${state}`),
  } as Partial<WorkObserver> as WorkObserver;
  const context = { ...ledgerInGroups(ledger.db), observe, random: Math.random };
  const onError = (error: unknown) => errors.push(error);
  const watched = watchUpstreams(context, { queues: ['spid', 'idcloud-bank'], concurrency: 20, onError });
  watched.steer('spid', { adapt: (jobs) => adapted.push(jobs) });
  return { watched, adapted, said };
}

const stateIn = ({ watched }: ReturnType<typeof openProcess>, of = 'spid') =>
  watched.standing().find(({ upstream }) => upstream === of)?.state;
const fails = async () => ({ kind: 'unavailable', reason: 'connect-refused' }) as const;
const works = async () => ({ kind: 'taken' }) as const;

it('stops both processes where one finds the platform away, without an attempt, and both go on when one finds it back', async () => {
  const [one, another] = [openProcess(), openProcess()];
  try {
    for (let i = 0; i < 10; i++) await one.watched.call({ kind: 'spid.enroll' }, 'submit', fails);
    expect([stateIn(one), one.adapted.at(-1)]).toEqual(['open', 0]);
    await waitFor(() => stateIn(another) === 'open', { what: 'the other process to know' });
    expect([another.adapted.at(-1), stateIn(another, 'idcloud-bank')]).toEqual([0, 'closed']);

    // A job that was handed out already is put off before it begins.
    const accepted = await acceptTransaction(ledger.db, {
      id: randomUUID(),
      owner: randomUUID(),
      kind: 'spid.command',
      operation: 'deleteOperator',
      requestMac: randomBytes(32),
      payload: randomUUID(),
      payloadBytes: 10,
      wrappedKey: randomBytes(60),
      dueInMs: -60_000,
    });
    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    let begun = 0;
    for (const { watched } of [one, another])
      await watched.gate('spid', accepted.transaction, async () => void begun++);
    const row = await getTransaction(ledger.db, accepted.transaction.id);
    expect({ begun, attempt: row?.attempt, version: row?.version, state: row?.state }).toEqual({
      begun: 0,
      attempt: 0,
      version: 0,
      state: 'accepted',
    });
    expect(row?.dueAt?.getTime()).toBeGreaterThan(Date.now());

    const halfOpen = () => [one, another].filter((process) => process.adapted.at(-1) === 1);
    await waitFor(() => halfOpen().length === 1, { what: 'one of them to probe' });
    const [prober] = halfOpen();
    for (let probe = 0; probe < 2; probe++) {
      await prober?.watched.gate('spid', accepted.transaction, async () => {
        begun++;
        await prober.watched.call({ kind: 'spid.enroll' }, 'submit', works);
      });
    }
    for (const process of [one, another]) {
      await waitFor(() => stateIn(process) === 'closed', { what: 'both to go on' });
      expect([process.adapted.at(-1), process.said]).toEqual([1, ['spid open', 'spid closed']]);
    }
    expect(begun).toBe(2);
    expect(errors).toEqual([]);
  } finally {
    await Promise.all([one.watched.close(), another.watched.close()]);
  }
});
