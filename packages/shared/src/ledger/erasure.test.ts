import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { replay, type TransactionEvent } from '../domain/transaction.ts';
import { acceptTransaction } from './accept.ts';
import { createApplyEvent } from './apply-events.ts';
import { getCaptures, insertCapture } from './captures.ts';
import type { Database } from './database.ts';
import {
  destroyBodies,
  eraseOld,
  eraseRequested,
  eraseUnspentCaptures,
  forgetErasedRecords,
  forgetSubjects,
  listErasedRecords,
  requestErasure,
} from './erasure.ts';
import { latestTransactionOf } from './find-transactions.ts';
import { listLivingRecords } from './records.ts';
import { beginResend, takeUpFailed } from './resends.ts';
import { claimDue, resendOne } from './schedule.ts';
import { ensureSubject, getSubject } from './subjects.ts';
import type { AcceptedTransaction, TransactionRow } from './transactions.ts';
import { applyEvent, countEndedRequests, getTransaction, listEvents } from './transactions.ts';

let ledger: Ledger;
let db: Database;
beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());

const owner = randomUUID();
const asker = randomUUID();
const claimed = { type: 'claimed' } as const;
const failed = { type: 'failed', reason: 'connect-refused' } as const;
const lost = { type: 'lost', reason: 'answer-lost' } as const;
const refused = { type: 'refused', reason: 'bad-request' } as const;
const taken = { type: 'taken', upstreamId: 'u-1', upstreamStatus: 'ENROLL_PENDING' } as const;
const concluded = {
  type: 'concluded',
  upstreamId: 'u-1',
  outcome: { verdict: 'match', upstreamStatus: 'SEARCH_MATCH', reason: 'score' },
} as const;

const somebody = () => ({ cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) });

async function picture(createdDaysAgo = 0): Promise<{ id: string; record: string }> {
  const [id, record] = [randomUUID(), randomUUID()];
  const facts = { format: 'png', width: 1, height: 1, dpi: 500, bytes: 10, sha256: randomBytes(32) } as const;
  await insertCapture(db, { id, owner, record, wrappedKey: randomBytes(60), ...facts });
  await db.query(`update captures set created_at = now() - $2 * interval '1 day' where id = $1`, [id, createdDaysAgo]);
  return { id, record };
}

/** A transaction with everything that one can hold, after these events. */
async function after(
  events: TransactionEvent[],
  overrides: Partial<AcceptedTransaction> = {},
): Promise<TransactionRow> {
  const accepted = await acceptTransaction(db, {
    id: randomUUID(),
    owner,
    kind: 'spid.enroll',
    subject: await ensureSubject(db, somebody()),
    operator: await ensureSubject(db, somebody(), true),
    capturedAt: new Date(),
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 300_000,
    wrappedKey: randomBytes(60),
    missingSealed: randomBytes(20),
    sdkCapture: randomBytes(32),
    dueInMs: 60_000,
    ...overrides,
  });
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  return apply(accepted.transaction, ...events);
}
async function apply(row: TransactionRow, ...events: TransactionEvent[]): Promise<TransactionRow> {
  let now = row;
  for (const event of events) {
    const plan = { dueInMs: 60_000, result: { score: 1 }, answerSealed: randomBytes(20) };
    const next = await applyEvent(db, now, event, plan);
    if (!next) throw new Error(`${event.type} was not applied`);
    now = next;
  }
  return now;
}
async function erase(id: string): Promise<TransactionRow | undefined> {
  await requestErasure(db, id, asker);
  return (await eraseRequested(db, 10, id))[0];
}
async function stateOf(id: string): Promise<string> {
  const row = await getTransaction(db, id);
  const [first, ...events] = await listEvents(db, id);
  expect(first?.type).toBe('accepted');
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
  expect(replay(events.map(({ type }) => ({ type }) as TransactionEvent))?.state).toBe(row?.state);
  expect(row?.version).toBe(events.length);
  return row?.state ?? 'none';
}

const atOnce: [string, TransactionEvent[]][] = [
  ['accepted', []],
  ['retrying', [claimed, failed]],
  ['concluded', [claimed, concluded]],
  ['dead', [claimed, refused]],
];
const inFlight: [string, TransactionEvent[]][] = [
  ['submitting', [claimed]],
  ['unknown', [claimed, lost]],
  ['awaiting', [claimed, taken]],
];

describe('what is asked for', () => {
  it.each(atOnce)('is done at once where it is %s', async (state, events) => {
    const row = await after(events);
    expect(row.state).toBe(state);
    expect((await erase(row.id))?.state).toBe('erased');
    expect(await stateOf(row.id)).toBe('erased');
    // A worker that had this moment in hand, and a job that still stands in line, come to nothing.
    for (const event of [claimed, concluded, { type: 'resent' } as const]) {
      expect(await applyEvent(db, row, event)).toBeUndefined();
    }
    expect(await resendOne(db, row, 1_000)).toBeUndefined();
  });

  it.each(inFlight)('waits for the end where it is %s, and takes no result away', async (state, events) => {
    const row = await after(events);
    expect(await erase(row.id)).toBeUndefined();
    expect(await getTransaction(db, row.id)).toMatchObject({ state, version: row.version, wrappedKey: row.wrappedKey });
    const end = await applyEvent(db, row, { ...concluded });
    expect(end).toMatchObject({ state: 'concluded', eraseRequestedAt: expect.any(Date) });
    expect((await eraseRequested(db, 10, row.id)).map(({ id }) => id)).toEqual([row.id]);
    expect(await stateOf(row.id)).toBe('erased');
  });

  it.each<[string, TransactionEvent[], TransactionEvent]>([
    ['failed', [claimed], failed],
    ['voided', [claimed, taken], { type: 'voided', reason: 'process-error' }],
    ['absent', [claimed, lost], { type: 'absent' }],
  ])('is not sent again where it %s after it', async (_what, events, ended) => {
    const row = await after(events);
    await requestErasure(db, row.id, asker);
    const retrying = await apply(row, ended);
    expect(retrying.state).toBe('retrying');
    expect(await applyEvent(db, retrying, claimed)).toBeUndefined();
    const together = createApplyEvent(db);
    expect(await Promise.all([together(retrying, claimed), together(retrying, claimed)])).toEqual([
      undefined,
      undefined,
    ]);
    expect(await resendOne(db, retrying, 1_000)).toBeUndefined();
    expect(await eraseRequested(db, 10, row.id)).toHaveLength(1);
    expect(await stateOf(row.id)).toBe('erased');
  });

  it('is not taken up again where it died after it', async () => {
    const row = await after([claimed], { owner: randomUUID() });
    await requestErasure(db, row.id, asker);
    const dead = await apply(row, refused);
    expect(await resendOne(db, dead, 1_000)).toBeUndefined();
    expect(await applyEvent(db, dead, { type: 'resent' })).toBeUndefined();
    const run = (await beginResend(db, { owner: dead.owner })) as string;
    expect(await takeUpFailed(db, { account: undefined, limit: 10, leaseMs: 1_000, resend: run })).toEqual([]);
  });

  it.each<[string, TransactionEvent[], boolean]>([
    ['submitting', [claimed], false],
    ['unknown', [claimed, lost], true],
    ['awaiting', [claimed, taken], true],
    ['unknown, which was being sent then,', [claimed], true],
  ])('takes the body of what is %s before its end, unless it is being sent', async (what, events, isDestroyed) => {
    const evidence = await picture();
    const row = await after(events, { evidence: evidence.id });
    await requestErasure(db, row.id, asker);
    const before = what.endsWith(',') ? await apply(row, lost) : row;
    const destroyed = await destroyBodies(db, 1_000, row.id);
    expect(destroyed).toBe(isDestroyed ? 1 : 0);
    const now = await getTransaction(db, row.id);
    expect(now).toMatchObject({ state: before.state, version: before.version, subject: row.subject });
    expect(await listLivingRecords(db, [row.payload, evidence.record])).toEqual(
      new Set(isDestroyed ? [] : [row.payload, evidence.record]),
    );
    if (isDestroyed) {
      expect(await listErasedRecords(db, 1_000)).toEqual(expect.arrayContaining([row.payload, evidence.record]));
    }
    expect(await destroyBodies(db, 1_000, row.id)).toBe(0);
    // Whose person is still needed to ask: nothing else is taken away.
    await apply(before, concluded);
    expect(await eraseRequested(db, 10, row.id)).toHaveLength(1);
    expect(await stateOf(row.id)).toBe('erased');
  });

  it('leaves the bodies of what nobody asked for', async () => {
    const row = await after([claimed, taken]);
    expect(await destroyBodies(db, 1_000, row.id)).toBe(0);
  });

  it('stands as it was first asked, and says who asked', async () => {
    const row = await after([claimed, taken]);
    await requestErasure(db, row.id, asker);
    const { eraseRequestedAt } = (await getTransaction(db, row.id)) ?? {};
    await requestErasure(db, row.id, randomUUID());
    expect((await getTransaction(db, row.id))?.eraseRequestedAt).toEqual(eraseRequestedAt);
    await apply(row, concluded);
    await eraseRequested(db, 10, row.id);
    await requestErasure(db, row.id, randomUUID());
    expect(await eraseRequested(db, 10, row.id)).toEqual([]);
    const tombstone = (await listEvents(db, row.id)).at(-1);
    expect(tombstone).toMatchObject({ type: 'erased', from: 'concluded', to: 'erased', detail: { by: asker } });
    expect(new Date(tombstone?.detail?.requestedAt ?? 0)).toEqual(eraseRequestedAt);
  });

  it('is either sent or erased where both are tried at once, never erased while it is sent', async () => {
    const together = createApplyEvent(db);
    const rows = await Promise.all(Array.from({ length: 40 }, () => after([])));
    const outcomes = await Promise.all(
      rows.map(async (row, at) => {
        const claim = at % 2 === 0 ? applyEvent(db, row, claimed) : together(row, claimed);
        const [sent, erased] = await Promise.all([claim, erase(row.id)]);
        return { sent, erased };
      }),
    );
    for (const [at, { sent, erased }] of outcomes.entries()) {
      expect([sent?.state, erased?.state].filter((one) => one !== undefined)).toHaveLength(1);
      expect(await stateOf(rows[at]?.id as string)).toBe(sent ? 'submitting' : 'erased');
    }
  });
});

describe('an erased transaction', () => {
  it('holds no key and nothing about the person; its files and its person are left to be seen to', async () => {
    const person = somebody();
    const [finger, evidence] = [await picture(), await picture()];
    const subject = await ensureSubject(db, person);
    const progressed = { type: 'progressed', upstreamStatus: 'ENROLL_ENQUEUED' } as const;
    const row = await after([claimed, taken, progressed, concluded], {
      subject,
      captures: [{ id: finger.id, index: 6 }],
      evidence: evidence.id,
    });
    await erase(row.id);
    const { rows } = await db.query('select * from transactions where id = $1', [row.id]);
    expect(rows[0]).toMatchObject({
      state: 'erased',
      wrapped_key: null,
      missing_sealed: null,
      answer_sealed: null,
      result: null,
      sdk_capture: null,
      subject: null,
      operator: null,
      captured_at: null,
      upstream_status: null,
      verdict: null,
      reason: null,
      due_at: null,
      died_in: null,
      upstream_id: 'u-1',
      owner,
      kind: 'spid.enroll',
    });
    expect(await getCaptures(db, [finger.id, evidence.id])).toEqual([]);
    expect((await listEvents(db, row.id)).map(({ type, detail }) => [type, detail])).toEqual([
      ['accepted', undefined],
      ['claimed', undefined],
      ['taken', { upstreamId: 'u-1' }],
      ['progressed', undefined],
      ['concluded', { upstreamId: 'u-1' }],
      ['erased', { by: asker, requestedAt: expect.any(String) }],
    ]);
    expect(await listLivingRecords(db, [row.payload, finger.record, evidence.record])).toEqual(new Set());
    const left = await listErasedRecords(db, 1_000);
    expect(left).toEqual(expect.arrayContaining([row.payload, evidence.record]));
    await forgetErasedRecords(db, [row.payload]);
    expect(await listErasedRecords(db, 1_000)).not.toContain(row.payload);
    expect(await latestTransactionOf(db, owner, person.cpfIndex)).toBeUndefined();
    expect(await claimDue(db, 1_000, 1_000)).not.toContainEqual(expect.objectContaining({ id: row.id }));
  });

  it('still is the same request, and one that had no effect may be made again', async () => {
    const requestMac = randomBytes(32);
    const command = { kind: 'spid.command', operation: 'redirectEnroll', requestMac } as const;
    const none = await after([claimed, refused], command);
    expect(await countEndedRequests(db, owner, requestMac, true)).toBe(1);
    await erase(none.id);
    expect(await countEndedRequests(db, owner, requestMac, true)).toBe(1);
    const done = await after([claimed, concluded], command);
    await erase(done.id);
    expect(await countEndedRequests(db, owner, requestMac, true)).toBe(1);
    expect(await countEndedRequests(db, owner, requestMac, false)).toBe(2);
  });
});

describe('a person', () => {
  const longAgo = () =>
    db
      .query(`update subjects set seen_at = now() - interval '1 hour'`)
      .then(() => db.query(`update erased_subjects set erased_at = now() - interval '1 hour'`));

  it('is forgotten with the last transaction, and is somebody else then', async () => {
    const person = somebody();
    const subject = await ensureSubject(db, person);
    const [one, two] = [await after([], { subject }), await after([claimed, taken], { subject })];
    await erase(one.id);
    await longAgo();
    await forgetSubjects(db, 100);
    expect(await getSubject(db, subject)).toEqual(person);
    await requestErasure(db, two.id, asker);
    await forgetSubjects(db, 100);
    expect(await getSubject(db, subject)).toEqual(person);
    await apply(two, concluded);
    await eraseRequested(db, 10, two.id);
    await forgetSubjects(db, 100);
    // Not at once: somebody may just be accepting another one.
    expect(await getSubject(db, subject)).toEqual(person);
    await longAgo();
    await forgetSubjects(db, 100);
    expect(await getSubject(db, subject)).toBeUndefined();
    const { rows } = await db.query('select cpf_index, cpf_sealed from subjects where id = $1', [subject]);
    expect(rows).toEqual([{ cpf_index: null, cpf_sealed: null }]);
    expect((await db.query('select from erased_subjects where subject = $1', [subject])).rowCount).toBe(0);
    expect(await ensureSubject(db, person)).not.toBe(subject);
  });

  it('is not forgotten who was just named at a door, nor an operator', async () => {
    const [person, clerk] = [somebody(), somebody()];
    const [subject, operator] = [await ensureSubject(db, person), await ensureSubject(db, clerk, true)];
    for (const one of [subject, operator]) await erase((await after([], { subject: one, operator })).id);
    await longAgo();
    expect(await ensureSubject(db, person)).toBe(subject);
    await forgetSubjects(db, 100);
    expect(await getSubject(db, subject)).toEqual(person);
    expect(await getSubject(db, operator)).toEqual(clerk);
    // What was only put off is seen to later.
    await longAgo();
    await forgetSubjects(db, 100);
    expect(await getSubject(db, subject)).toBeUndefined();
    expect(await getSubject(db, operator)).toEqual(clerk);
  });
});

describe('retention', () => {
  const aged = async (row: TransactionRow, days: number) => {
    await db.query(`update transactions set updated_at = now() - $2 * interval '1 day' where id = $1`, [row.id, days]);
    return row.id;
  };

  it('erases what has been over for so long, oldest first, and nothing else', async () => {
    const over = await Promise.all(
      [31, 90, 40].map(async (days, at) =>
        aged(await after(at === 1 ? [claimed, refused] : [claimed, concluded]), days),
      ),
    );
    const young = await aged(await after([claimed, concluded]), 29);
    const open = await Promise.all(
      [...inFlight, ...atOnce.slice(0, 2)].map(async ([, events]) => aged(await after(events), 400)),
    );
    expect((await eraseOld(db, 2, 30)).map(({ id }) => id)).toEqual(expect.arrayContaining([over[1], over[2]]));
    expect((await eraseOld(db, 10, 30)).map(({ id }) => id)).toEqual([over[0]]);
    expect(await eraseOld(db, 10, 30)).toEqual([]);
    for (const id of over) expect(await stateOf(id)).toBe('erased');
    for (const id of [young, ...open]) expect(await stateOf(id)).not.toBe('erased');
    expect((await listEvents(db, over[0] as string)).at(-1)?.detail).toEqual({ by: 'retention' });
  });

  it('and resend all take each transaction once between them', async () => {
    const somebodyElse = randomUUID();
    const ids = await Promise.all(
      Array.from({ length: 60 }, async () => aged(await after([claimed, refused], { owner: somebodyElse }), 60)),
    );
    const run = (await beginResend(db, { owner: somebodyElse })) as string;
    const resent: string[] = [];
    const resend = async () => {
      for (;;) {
        const moments = await takeUpFailed(db, { account: undefined, limit: 7, leaseMs: 60_000, resend: run });
        if (moments.length === 0) return;
        resent.push(...moments.map(({ id }) => id));
      }
    };
    const erased: string[] = [];
    const sweep = async () => {
      for (;;) {
        const rows = await eraseOld(db, 5, 30);
        if (rows.length === 0) return;
        erased.push(...rows.map(({ id }) => id));
      }
    };
    await Promise.all([resend(), sweep(), sweep()]);
    expect([...resent, ...erased].sort()).toEqual(ids.sort());
    for (const id of resent) expect(await stateOf(id)).toBe('retrying');
    for (const id of erased) expect(await stateOf(id)).toBe('erased');
  });

  it('forgets pictures that no transaction took, and none that one took', async () => {
    const [old, young, spent] = [await picture(31), await picture(29), await picture(31)];
    await after([], { captures: [{ id: spent.id, index: 6 }] });
    expect(await eraseUnspentCaptures(db, 10, 30)).toBe(1);
    expect((await getCaptures(db, [old.id, young.id, spent.id])).map(({ id }) => id).sort()).toEqual(
      [young.id, spent.id].sort(),
    );
    expect(await listErasedRecords(db, 1_000)).toContain(old.record);
  });
});
