import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TransactionEvent, TransactionState } from './transaction.ts';
import {
  barredByErasure,
  erasableStates,
  initialSnapshot,
  isSettled,
  replay,
  transactionStates,
  transition,
} from './transaction.ts';

const outcome = { verdict: 'match', upstreamStatus: 'SEARCH_MATCH' } as const;
const events: Record<TransactionEvent['type'], TransactionEvent> = {
  claimed: { type: 'claimed' },
  taken: { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' },
  progressed: { type: 'progressed', upstreamStatus: 'ENROLL_ENQUEUED' },
  concluded: { type: 'concluded', outcome },
  failed: { type: 'failed', reason: 'connect-refused' },
  voided: { type: 'voided', reason: 'process-error' },
  refused: { type: 'refused', reason: 'bad-request' },
  lost: { type: 'lost', reason: 'answer-lost' },
  found: { type: 'found', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' },
  absent: { type: 'absent' },
  abandoned: { type: 'abandoned', reason: 'too-old' },
  resent: { type: 'resent' },
  erased: { type: 'erased' },
};

/** The whole machine, written a second time as a table: state, event, state. Every pair that is not here is forbidden. */
const table: [TransactionState, TransactionEvent['type'], TransactionState][] = [
  ['accepted', 'claimed', 'submitting'],
  ['retrying', 'claimed', 'submitting'],
  ['submitting', 'taken', 'awaiting'],
  ['submitting', 'concluded', 'concluded'],
  ['submitting', 'failed', 'retrying'],
  ['submitting', 'voided', 'retrying'],
  ['awaiting', 'voided', 'retrying'],
  ['submitting', 'refused', 'dead'],
  ['submitting', 'lost', 'unknown'],
  ['unknown', 'found', 'awaiting'],
  ['unknown', 'absent', 'retrying'],
  ['unknown', 'concluded', 'concluded'],
  ['unknown', 'abandoned', 'dead'],
  ['awaiting', 'progressed', 'awaiting'],
  ['awaiting', 'concluded', 'concluded'],
  ['awaiting', 'abandoned', 'dead'],
  ['retrying', 'abandoned', 'dead'],
  ['dead', 'resent', 'retrying'],
  ['accepted', 'erased', 'erased'],
  ['retrying', 'erased', 'erased'],
  ['concluded', 'erased', 'erased'],
  ['dead', 'erased', 'erased'],
];

describe('transition', () => {
  for (const from of transactionStates) {
    for (const event of Object.values(events)) {
      const to = table.find(([state, type]) => state === from && type === event.type)?.[2];
      it(`${from} --${event.type}--> ${to ?? 'forbidden'}`, () => {
        expect(transition({ state: from, attempt: 1 }, event)?.state).toBe(to);
      });
    }
  }

  it.each([
    ['unknown', 'unknown'],
    ['awaiting', 'awaiting'],
    ['retrying', 'retrying'],
    ['submitting', 'retrying'],
  ] as const)('takes what died in %s back to %s', (diedIn, to) => {
    expect(transition({ state: 'dead', attempt: 3, diedIn }, events.resent)).toEqual({ state: to, attempt: 3 });
  });
});

describe('invariants over random histories', () => {
  const history = fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 40 });
  /** Only what may happen where the transaction stands: paths that wishes at random reach once in hundreds. */
  const lifelike = fc.array(fc.nat(), { maxLength: 40 }).map((picks) => {
    const log: TransactionEvent[] = [];
    let snapshot = initialSnapshot;
    for (const pick of picks) {
      const allowed = Object.values(events).filter((event) => transition(snapshot, event));
      const event = allowed[pick % allowed.length];
      const next = event && transition(snapshot, event);
      if (!next) break;
      snapshot = next;
      log.push(event);
    }
    return log;
  });

  /** Applies what is allowed and skips the rest, as the ledger does. */
  function live(wishes: TransactionEvent[]) {
    const log: TransactionEvent[] = [];
    let snapshot = initialSnapshot;
    for (const event of wishes) {
      const next = transition(snapshot, event);
      if (!next) continue;
      snapshot = next;
      log.push(event);
    }
    return { snapshot, log };
  }

  it('replays its event log to its state', () => {
    fc.assert(
      fc.property(history, (wishes) => {
        const { snapshot, log } = live(wishes);
        expect(replay(log)).toEqual(snapshot);
      }),
    );
  });

  it('counts an attempt for every claim and for nothing else', () => {
    fc.assert(
      fc.property(history, (wishes) => {
        const { snapshot, log } = live(wishes);
        expect(snapshot.attempt).toBe(log.filter(({ type }) => type === 'claimed').length);
      }),
    );
  });

  it('never sends again after the upstream may have it, unless the upstream said that it does not or that it came to nothing', () => {
    const sentAnew = new Set<TransactionEvent['type']>();
    fc.assert(
      fc.property(lifelike, (log) => {
        let mayHaveIt = false;
        let saidSo: TransactionEvent['type'] | undefined;
        for (const { type } of log) {
          if (type === 'claimed') {
            expect(mayHaveIt).toBe(false);
            if (saidSo) sentAnew.add(saidSo);
          }
          if (type === 'taken' || type === 'lost' || type === 'found') mayHaveIt = true;
          if (type === 'absent' || type === 'voided') [mayHaveIt, saidSo] = [false, type];
        }
      }),
      { numRuns: 1_000 },
    );
    expect([...sentAnew].sort()).toEqual(['absent', 'voided']);
  });

  it('sends nothing after erasure was asked for, and comes to it from wherever it stands', () => {
    /** What ends a state that is not erased at once. */
    const endings = { submitting: events.lost, awaiting: events.abandoned, unknown: events.absent } as const;
    fc.assert(
      fc.property(history, history, (before, after) => {
        let { snapshot, log } = live(before);
        const asked = log.length;
        if (snapshot.state === 'erased') return;
        const erase = () => {
          const next = transition(snapshot, events.erased);
          expect(next !== undefined).toBe(erasableStates.includes(snapshot.state));
          if (next) [snapshot, log] = [next, [...log, events.erased]];
        };
        const apply = (event: TransactionEvent) => {
          erase();
          const next = barredByErasure.includes(event.type) ? undefined : transition(snapshot, event);
          if (next) [snapshot, log] = [next, [...log, event]];
        };
        for (const event of after) apply(event);
        // At most from `submitting` over `unknown` to `retrying`, and one look that finds nothing left to do.
        for (let step = 0; step < 4; step++) apply(endings[snapshot.state as keyof typeof endings] ?? events.erased);
        expect(snapshot.state).toBe('erased');
        expect(log.slice(asked).map(({ type }) => type)).not.toContain('claimed');
        expect(log.slice(asked).filter(({ type }) => type === 'erased')).toHaveLength(1);
        expect(replay(log)).toEqual(snapshot);
      }),
    );
  });

  it('ends for good once erased', () => {
    for (const event of Object.values(events))
      expect(transition({ state: 'erased', attempt: 1 }, event)).toBeUndefined();
    expect(transactionStates.filter(isSettled)).toEqual(['concluded', 'dead', 'erased']);
  });
});
