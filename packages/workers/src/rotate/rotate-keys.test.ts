import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import { migrate, openDatabase } from '@atesto/shared/ledger/database';
import { ensureSubject, getSubject } from '@atesto/shared/ledger/subjects';
import { acceptTransaction, getTransaction } from '@atesto/shared/ledger/transactions';
import { openCpf, sealCpf } from '@atesto/shared/vault/cpf-column';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import { expect, it } from 'vitest';
import { startPostgres } from '../../../../test/stack/postgres.ts';
import { rotateKeys } from './rotate-keys.ts';

it('brings rows under the new key, so that the old one can go', async () => {
  const postgres = await startPostgres();
  const url = await postgres.createDatabase();
  await migrate(url);
  const db = openDatabase({ url }, () => {});
  const home = await mkdtemp(path.join(tmpdir(), 'atesto-rotate-'));
  const store = await createFileStore(home);
  const [oldKey, newKey, indexKey] = [generateKey(), generateKey(), generateKey()];
  const before = createKeyRing([{ id: 'old', key: oldKey }], indexKey);
  const both = createKeyRing(
    [
      { id: 'new', key: newKey },
      { id: 'old', key: oldKey },
    ],
    indexKey,
  );
  const after = createKeyRing([{ id: 'new', key: newKey }], indexKey);
  try {
    const cpf = parseCpf('52998224725') as Cpf;
    const subject = await ensureSubject(db, sealCpf(before, cpf));
    const [id, payload, body] = [randomUUID(), randomUUID(), randomBytes(100_000)];
    const { wrappedKey, bytes } = await createVault({ keyRing: before, store }).put(payload, [body]);
    await acceptTransaction(db, {
      id,
      owner: randomUUID(),
      kind: 'spid.enroll',
      subject,
      requestMac: randomBytes(32),
      payload,
      payloadBytes: bytes,
      wrappedKey,
      dueInMs: 60_000,
    });

    expect(await rotateKeys(db, both)).toEqual({ captures: 0, transactions: 1, subjects: 1 });
    expect(await rotateKeys(db, both)).toEqual({ captures: 0, transactions: 0, subjects: 0 });

    const row = await getTransaction(db, id);
    expect(await createVault({ keyRing: after, store }).readAll(payload, row?.wrappedKey ?? Buffer.alloc(0))).toEqual(
      body,
    );
    const person = await getSubject(db, subject);
    expect(person && openCpf(after, person)).toBe(cpf);
  } finally {
    await db.end();
    await postgres.stop();
    await rm(home, { recursive: true });
  }
});
