import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { insertCapture } from '@atesto/shared/ledger/captures';
import type { Database } from '@atesto/shared/ledger/database';
import { listErasedRecords, requestErasure } from '@atesto/shared/ledger/erasure';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import type { BlobStore } from '@atesto/shared/vault/blob-store';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault, type Vault } from '@atesto/shared/vault/vault';
import { VaultError } from '@atesto/shared/vault/vault-error';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { eraseRound, UNSPENT_DAYS } from './erase-round.ts';

let ledger: Ledger;
let db: Database;
let home: string;
let store: BlobStore;
let vault: Vault;
let erased: string[] = [];
let unspent = 0;
const observe = {
  erased: (row: TransactionRow) => void erased.push(row.id),
  unspentErased: (count: number) => {
    unspent += count;
  },
};
const round = (retentionDays?: number, files: Pick<BlobStore, 'remove'> = store) =>
  eraseRound(db, files, { retentionDays, observe });
const files = async () => new Set((await Array.fromAsync(store.list())).map(({ recordId }) => recordId));

beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
  home = await mkdtemp(path.join(tmpdir(), 'atesto-erase-'));
  store = await createFileStore(home);
  vault = createVault({ keyRing: createKeyRing([{ id: 'k', key: generateKey() }], generateKey()), store });
});
beforeEach(() => {
  [erased, unspent] = [[], 0];
});
afterAll(async () => {
  await ledger?.stop();
  await rm(home, { recursive: true });
});

async function accepted(): Promise<TransactionRow> {
  const payload = randomUUID();
  const { wrappedKey, bytes } = await vault.put(payload, [randomBytes(100)]);
  const result = await acceptTransaction(db, {
    id: randomUUID(),
    owner: randomUUID(),
    kind: 'spid.enroll',
    requestMac: randomBytes(32),
    payload,
    payloadBytes: bytes,
    wrappedKey,
    dueInMs: 60_000,
  });
  if (result.kind !== 'accepted') throw new Error(result.kind);
  return result.transaction;
}
async function concluded(daysAgo: number): Promise<TransactionRow> {
  const claimed = await applyEvent(db, await accepted(), { type: 'claimed' });
  const outcome = { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } as const;
  const row = claimed && (await applyEvent(db, claimed, { type: 'concluded', outcome }));
  if (!row) throw new Error('not concluded');
  await db.query(`update transactions set updated_at = now() - $2 * interval '1 day' where id = $1`, [row.id, daysAgo]);
  return row;
}
const stateOf = async ({ id }: TransactionRow) => (await getTransaction(db, id))?.state;

it('erases what was asked for once it has come to its end, with its file', async () => {
  const row = await accepted();
  const claimed = await applyEvent(db, row, { type: 'claimed' });
  await requestErasure(db, row.id, randomUUID());
  expect(await round()).toBe('done');
  expect([await stateOf(row), erased, (await files()).has(row.payload)]).toEqual(['submitting', [], true]);
  await applyEvent(db, claimed as TransactionRow, { type: 'failed', reason: 'connect-refused' });
  expect(await round()).toBe('done');
  expect([await stateOf(row), erased, (await files()).has(row.payload)]).toEqual(['erased', [row.id], false]);
  expect(await listErasedRecords(db, 10)).toEqual([]);
});

it('takes the body of what waits for its answer, and goes on waiting', async () => {
  const claimed = (await applyEvent(db, await accepted(), { type: 'claimed' })) as TransactionRow;
  await requestErasure(db, claimed.id, randomUUID());
  await round();
  expect((await files()).has(claimed.payload)).toBe(true);
  await applyEvent(db, claimed, { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' });
  await round();
  expect([await stateOf(claimed), erased, (await files()).has(claimed.payload)]).toEqual(['awaiting', [], false]);
});

it('erases by age only where it is told to', async () => {
  const [old, young] = [await concluded(8), await concluded(6)];
  await round();
  expect(erased).toEqual([]);
  await round(7);
  expect(erased).toEqual([old.id]);
  expect(await stateOf(young)).toBe('concluded');
  expect(await files()).toEqual(new Set([young.payload]));
});

it('goes on where a process died, or the vault was away, between ledger and file', async () => {
  const rows = [await concluded(8), await concluded(8)];
  const away = {
    async remove(record: string) {
      if (record === rows[0]?.payload) throw new VaultError('storage', 'remove failed: EIO');
      await store.remove(record);
    },
  };
  await expect(round(7, away)).rejects.toThrow(VaultError);
  expect(erased.sort()).toEqual(rows.map(({ id }) => id).sort());
  // Without its key it is unreadable already.
  expect((await files()).has(rows[0]?.payload as string)).toBe(true);
  expect((await files()).has(rows[1]?.payload as string)).toBe(false);
  await round(7);
  expect((await files()).has(rows[0]?.payload as string)).toBe(false);
});

it('erases pictures of which nothing became', async () => {
  const upload = async (daysAgo: number) => {
    const [id, record] = [randomUUID(), randomUUID()];
    const { wrappedKey } = await vault.put(record, [randomBytes(100)]);
    const facts = { format: 'png', width: 1, height: 1, dpi: 500, bytes: 100, sha256: randomBytes(32) } as const;
    await insertCapture(db, { id, owner: randomUUID(), record, wrappedKey, ...facts });
    await db.query(`update captures set created_at = now() - $2 * interval '1 day' where id = $1`, [id, daysAgo]);
    return record;
  };
  const [old, young] = [await upload(UNSPENT_DAYS + 1), await upload(UNSPENT_DAYS - 1)];
  await round();
  expect(unspent).toBe(1);
  expect((await files()).has(old)).toBe(false);
  expect((await files()).has(young)).toBe(true);
});
