import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import { expect, it } from 'vitest';
import { startLedger } from '../../../../test/stack/ledger.ts';
import { clearVault, ORPHAN_AGE_MS } from './clear-vault.ts';

it('removes what no ledger row can open, and neither what is named nor what is young', async () => {
  const { db, stop } = await startLedger();
  const home = await mkdtemp(path.join(tmpdir(), 'atesto-clear-'));
  try {
    const store = await createFileStore(home);
    const vault = createVault({ keyRing: createKeyRing([{ id: 'k', key: generateKey() }], generateKey()), store });
    const [named, erased, orphan] = [randomUUID(), randomUUID(), randomUUID()];
    for (const payload of [named, erased]) {
      const { wrappedKey, bytes } = await vault.put(payload, [randomBytes(100)]);
      await acceptTransaction(db, {
        id: payload,
        owner: randomUUID(),
        kind: 'spid.enroll',
        subject: await ensureSubject(db, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) }),
        requestMac: randomBytes(32),
        payload,
        payloadBytes: bytes,
        wrappedKey,
        dueInMs: 60_000,
      });
    }
    await db.query('update transactions set wrapped_key = null where id = $1', [erased]);
    await vault.put(orphan, [randomBytes(100)]);

    expect(await clearVault(db, store, Date.now())).toEqual({ orphans: 0, removed: 0 });
    expect(await clearVault(db, store, Date.now() + ORPHAN_AGE_MS + 60_000)).toEqual({ orphans: 2, removed: 2 });
    expect((await Array.fromAsync(store.list())).map(({ recordId }) => recordId)).toEqual([named]);

    // A ledger that knows next to nothing of a vault is the wrong ledger.
    for (let i = 0; i < 101; i++) await vault.put(randomUUID(), [Buffer.of(i)]);
    expect(await clearVault(db, store, Date.now() + ORPHAN_AGE_MS + 60_000)).toEqual({ orphans: 101, removed: 0 });
    expect(await Array.fromAsync(store.list())).toHaveLength(102);
  } finally {
    await stop();
    await rm(home, { recursive: true });
  }
});
