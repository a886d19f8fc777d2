import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { acceptTransaction, createAccept } from './accept.ts';
import { getCaptures, insertCapture, type NewCapture } from './captures.ts';
import type { Database } from './database.ts';
import { ensureSubject } from './subjects.ts';
import { type AcceptedTransaction, getTransaction, listEvents } from './transactions.ts';

let ledger: Ledger;
let db: Database;
let subject: string;
beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
  subject = await ensureSubject(db, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) });
});
afterAll(() => ledger?.stop());

const owner = randomUUID();
const request = (facts: Partial<AcceptedTransaction> = {}): AcceptedTransaction => ({
  id: randomUUID(),
  owner,
  kind: 'spid.enroll',
  subject,
  operator: subject,
  operatorVerification: 'verified',
  capturedAt: new Date(1_700_000_000_123),
  requestMac: randomBytes(32),
  payload: randomUUID(),
  payloadBytes: 300_000,
  wrappedKey: randomBytes(70),
  missingSealed: randomBytes(20),
  dueInMs: 30_000,
  ...facts,
});

/** The same database, which counts statements and may do something else instead. */
function watched(instead?: (text: string) => Promise<never> | undefined): { db: Database; statements: string[] } {
  const statements: string[] = [];
  const query = (statement: { name: string; text: string }) => {
    statements.push(statement.name);
    return instead?.(statement.name) ?? db.query(statement as never);
  };
  return { db: Object.assign(Object.create(db) as Database, { query }), statements };
}

it('stores many by few statements, each as it would be alone', async () => {
  const { db: counted, statements } = watched();
  const accept = createAccept(counted);
  const requests = Array.from({ length: 60 }, () => request());
  const results = await Promise.all(requests.map(accept));
  expect(results.map((result) => result.kind)).toEqual(requests.map(() => 'accepted'));
  expect(statements).toEqual(['accept', 'accept']);
  const alone = request();
  await acceptTransaction(db, alone);
  for (const one of [requests[0] as AcceptedTransaction, requests[59] as AcceptedTransaction, alone]) {
    const { requestMac, missingSealed, dueInMs, ...facts } = one;
    expect(await getTransaction(db, one.id)).toMatchObject({ ...facts, state: 'accepted', attempt: 0, version: 0 });
    expect((await listEvents(db, one.id)).map(({ type, seq }) => [type, seq])).toEqual([['accepted', 0]]);
    const { rows } = await db.query('select request_mac, missing_sealed from transactions where id = $1', [one.id]);
    expect(rows).toEqual([{ request_mac: requestMac, missing_sealed: missingSealed }]);
  }
});

it('knows its own, however its id is written', async () => {
  const one = request({ id: randomUUID().toUpperCase() });
  expect(await createAccept(db)(one)).toMatchObject({ kind: 'accepted', transaction: { payload: one.payload } });
});

it('tells repeated and other requests under ids of the same group', async () => {
  const accept = createAccept(db);
  const [one, other] = [request(), request()];
  await acceptTransaction(db, other);
  const results = await Promise.all([
    accept(one),
    accept({ ...one, payload: randomUUID() }),
    accept({ ...one, requestMac: randomBytes(32), payload: randomUUID() }),
    accept({ ...other, payload: randomUUID() }),
    accept({ ...other, owner: randomUUID(), payload: randomUUID() }),
  ]);
  expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'replayed', 'conflict', 'replayed', 'conflict']);
  expect(await getTransaction(db, one.id)).toMatchObject({ payload: one.payload });
  expect(await getTransaction(db, other.id)).toMatchObject({ payload: other.payload });
});

async function capture(): Promise<string> {
  const id = randomUUID();
  const fresh: NewCapture = {
    id,
    owner,
    format: 'png',
    width: 1,
    height: 1,
    dpi: 500,
    bytes: 1,
    sha256: randomBytes(32),
    record: randomUUID(),
    wrappedKey: randomBytes(60),
  };
  await insertCapture(db, fresh);
  return id;
}

it('leaves the captures of one that comes too late for its id alone', async () => {
  const accept = createAccept(db);
  const [mine, theirs, kept] = [await capture(), await capture(), await capture()];
  const first = request({ captures: [{ id: mine, index: 6 }] });
  const second = request({ id: first.id, owner: randomUUID(), captures: [{ id: theirs, index: 7 }], evidence: kept });
  const results = await Promise.all([accept(first), accept(second)]);
  expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'conflict']);
  for (const id of [theirs, kept]) {
    const [untouched] = await getCaptures(db, [id]);
    expect(untouched).toMatchObject({ transactionId: undefined, wrappedKey: expect.anything() });
  }
});

it('spends the captures of each, and keeps evidence', async () => {
  const accept = createAccept(db);
  const requests = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const [finger, evidence] = [await capture(), await capture()];
      return request({ captures: [{ id: finger, index: 6, quality: { nfiq2: 60 } as never }], evidence });
    }),
  );
  await Promise.all(requests.map(accept));
  for (const { id, captures, evidence } of requests) {
    const [spent] = await getCaptures(db, [captures?.[0]?.id ?? '']);
    expect(spent).toMatchObject({ transactionId: id, wrappedKey: undefined });
    const [kept] = await getCaptures(db, [evidence ?? '']);
    expect(kept).toMatchObject({ transactionId: id, wrappedKey: expect.anything() });
  }
});

it('fails one for its own fault, and not the others with it', async () => {
  const accept = createAccept(db);
  const good = [request(), request(), request()];
  const bad = request({ subject: randomUUID() });
  const results = await Promise.allSettled([...good, bad].map(accept));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
});

it('says that it failed where nobody knows: a second try would take the first one for another’s', async () => {
  const { db: losing, statements } = watched((name) => {
    if (name !== 'accept') return undefined;
    throw new Error('Connection terminated unexpectedly');
  });
  const accept = createAccept(losing);
  const results = await Promise.allSettled([request(), request()].map(accept));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(statements).toEqual(['accept']);
});
