import { describe, expect, it } from 'vitest';
import { checkHistory, type History, type Invariant, type LedgerEvent } from './history.ts';

const VOLUME = { acknowledged: 2, met: 1 };

const events = (id: string): LedgerEvent[] => [
  { id, seq: 0, type: 'accepted', from: null, to: 'accepted' },
  { id, seq: 1, type: 'claimed', from: 'accepted', to: 'submitting' },
  { id, seq: 2, type: 'concluded', from: 'submitting', to: 'concluded' },
];
const row = (id: string) =>
  ({ id, state: 'concluded', attempt: 1, version: 2, verdict: 'enrolled', reason: null }) as const;

const good: History = {
  asked: new Map([
    ['a', { key: 'A', sha256: '0a' }],
    ['b', { key: 'B', sha256: '0b' }],
  ]),
  client: [
    { id: 'a', step: 'invoke' },
    { id: 'a', step: 'ok' },
    { id: 'b', step: 'invoke' },
    { id: 'b', step: 'unknown' },
    { id: 'b', step: 'invoke' },
    { id: 'b', step: 'ok' },
  ],
  held: ['A', 'B'],
  wire: ['0a', '0b', '0b'],
  lastSent: new Map([
    ['0a', 10],
    ['0b', 20],
  ]),
  eraseAsked: new Set(),
  tombstones: [],
  rows: [row('a'), row('b')],
  events: [...events('a'), ...events('b')],
  markers: ['secret'],
  texts: [{ where: 'a log', text: '{"event":"x"}' }],
  signals: [{ name: 'not ready', during: true, after: false }],
  met: 1,
};
/** `b` was erased after it had concluded. */
const erased: History = {
  ...good,
  eraseAsked: new Set(['b']),
  tombstones: [{ id: 'b', from: 'concluded', by: 'somebody', at: 30, holds: 0 }],
  rows: [row('a'), { ...row('b'), state: 'erased', verdict: null, version: 3 }],
  events: [...good.events, { id: 'b', seq: 3, type: 'erased', from: 'concluded', to: 'erased' }],
};
const tombstone = erased.tombstones[0] as History['tombstones'][number];
const without = <T>(list: readonly T[], at: number) => list.filter((_, index) => index !== at);

describe('the history checker', () => {
  it('finds nothing in a good history', () => {
    expect(checkHistory(good, VOLUME)).toEqual([]);
  });

  it('lets as many be dead as the scenario allows, where a reason stands', () => {
    const dead = { ...row('b'), state: 'dead', verdict: null, reason: 'unknown-outcome', version: 3 } as const;
    const history: History = {
      ...good,
      rows: [row('a'), dead],
      events: [
        ...events('a'),
        ...events('b').slice(0, 2),
        { id: 'b', seq: 2, type: 'lost', from: 'submitting', to: 'unknown' },
        { id: 'b', seq: 3, type: 'abandoned', from: 'unknown', to: 'dead' },
      ],
    };
    expect(checkHistory(history, { ...VOLUME, dead: 1 })).toEqual([]);
    expect(checkHistory(history, VOLUME)).toMatchObject([{ invariant: 'I1' }]);
  });

  it('lets be erased what a client asked for, at the platform or not, and what had its end', () => {
    expect(checkHistory(erased, VOLUME)).toEqual([]);
    expect(checkHistory({ ...erased, held: ['A'] }, VOLUME)).toEqual([]);
    const byAge = { eraseAsked: new Set<string>(), tombstones: [{ ...tombstone, by: 'retention' }] };
    expect(checkHistory({ ...erased, ...byAge }, VOLUME)).toEqual([]);
  });

  it.each<{ name: string; invariant: Invariant; change: Partial<History> }>([
    { name: 'an erasure of nobody', invariant: 'I1', change: { ...erased, eraseAsked: new Set() } },
    {
      name: 'an erasure by age of what was not over',
      invariant: 'I1',
      change: { ...erased, tombstones: [{ ...tombstone, by: 'retention', from: 'retrying' }] },
    },
    {
      name: 'a body sent after its erasure',
      invariant: 'I3',
      change: { ...erased, tombstones: [{ ...tombstone, at: 19 }] },
    },
    { name: 'an erasure that was not carried out', invariant: 'I4', change: { eraseAsked: new Set(['b']) } },
    {
      name: 'a tombstone that holds a key',
      invariant: 'I7',
      change: { ...erased, tombstones: [{ ...tombstone, holds: 1 }] },
    },
    { name: 'acknowledged, not in the ledger', invariant: 'I1', change: { rows: [row('a')], events: events('a') } },
    { name: 'concluded, not at the platform', invariant: 'I1', change: { held: ['A'] } },
    { name: 'an effect twice', invariant: 'I2', change: { held: ['A', 'B', 'B'] } },
    { name: 'an effect of nobody', invariant: 'I3', change: { held: ['A', 'B', 'C'] } },
    { name: 'a body of nobody', invariant: 'I3', change: { wire: ['0a', '0c'] } },
    {
      name: 'a row of nobody',
      invariant: 'I3',
      change: { rows: [...good.rows, row('c')], events: [...good.events, ...events('c')] },
    },
    {
      name: 'a transaction that waits',
      invariant: 'I4',
      change: {
        rows: [row('a'), { ...row('b'), state: 'submitting', verdict: null, version: 1 }],
        events: [...events('a'), ...events('b').slice(0, 2)],
      },
    },
    { name: 'an end without a word', invariant: 'I4', change: { rows: [row('a'), { ...row('b'), verdict: null }] } },
    {
      name: 'a step that the machine does not allow',
      invariant: 'I5',
      change: { events: good.events.map((event) => (event.type === 'claimed' ? { ...event, type: 'taken' } : event)) },
    },
    {
      name: 'a step from elsewhere',
      invariant: 'I5',
      change: { events: good.events.map((event) => (event.seq === 2 ? { ...event, from: 'unknown' } : event)) },
    },
    { name: 'an attempt too many', invariant: 'I5', change: { rows: [row('a'), { ...row('b'), attempt: 2 }] } },
    { name: 'a version without an event', invariant: 'I6', change: { rows: [row('a'), { ...row('b'), version: 3 }] } },
    {
      name: 'a number twice',
      invariant: 'I6',
      change: { events: good.events.map((event) => (event.seq === 2 ? { ...event, seq: 1 } : event)) },
    },
    { name: 'a marker in a log', invariant: 'I7', change: { texts: [{ where: 'a log', text: 'a secret' }] } },
    {
      name: 'a fault that nobody was shown',
      invariant: 'I8',
      change: { signals: [{ name: 'x', during: false, after: false }] },
    },
    {
      name: 'a fault shown for ever',
      invariant: 'I8',
      change: { signals: [{ name: 'x', during: true, after: true }] },
    },
    { name: 'too few requests', invariant: 'I9', change: { client: without(good.client, 1) } },
    { name: 'a fault that met nothing', invariant: 'I9', change: { met: 0 } },
  ])('finds $name', ({ invariant, change }) => {
    const found = checkHistory({ ...good, ...change }, VOLUME);
    expect(new Set(found.map((one) => one.invariant))).toEqual(new Set([invariant]));
  });
});
