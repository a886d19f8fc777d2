import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CaptureRow, getCaptures } from '@atesto/shared/ledger/captures';
import { type Database, migrate, openDatabase } from '@atesto/shared/ledger/database';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault, type Vault } from '@atesto/shared/vault/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeCapture } from '../../packages/gateway/src/intake/store-capture.ts';
import { ledgerInGroups } from '../../packages/gateway/src/ledger-in-groups.ts';
import { type Postgres, startPostgres } from '../stack/postgres.ts';
import { enrolmentsOf } from './enrolments.fixture.ts';

describe('an upload whose commit was made and whose answer was lost', () => {
  let postgres: Postgres;
  let db: Database;
  let vault: Vault;
  let dir: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    await migrate(postgres.url);
    db = openDatabase({ url: postgres.url, max: 2 }, () => undefined);
    dir = await mkdtemp(path.join(tmpdir(), 'atesto-lost-'));
    const keyRing = createKeyRing([{ id: 'k1', key: generateKey() }], generateKey());
    vault = createVault({ keyRing, store: await createFileStore(dir) });
  });
  afterAll(async () => {
    await db?.end();
    await postgres?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('is there when it is sent again: the row and its picture', async () => {
    const { picture } = enrolmentsOf('answer lost')();
    const sha256 = createHash('sha256').update(picture).digest();
    const limits = { captureBytesMax: 1 << 20, imageSideMax: 100, jsonBytesMax: 0, waitMsMax: 0, requeueMs: 0 };
    const id = randomUUID();
    const upload = () => ({
      id,
      owner: randomUUID(),
      sha256,
      body: (async function* () {
        yield picture;
      })(),
    });
    const first = upload();
    const ledger = ledgerInGroups(losingAnswerOf('insert-captures', db));
    await expect(storeCapture({ ...ledger, vault, limits }, first)).rejects.toThrow();
    const again = await storeCapture({ ...ledgerInGroups(db), vault, limits }, { ...upload(), owner: first.owner });
    expect(again.capture).toMatchObject({ id });
    const [row] = await getCaptures(db, [id]);
    const { record, bytes, wrappedKey = new Uint8Array() } = row as CaptureRow;
    const opened = vault.open({ record, bytes, wrappedKey });
    expect(Buffer.concat(await Array.fromAsync(opened, (chunk) => Buffer.from(chunk)))).toEqual(picture);
  });
});

/** The database, but the connection breaks after the named statement has been committed. */
function losingAnswerOf(name: string, db: Database): Database {
  const query = async (statement: { name: string; text: string; values: unknown[] }) => {
    const result = await db.query(statement);
    if (statement.name === name) throw new Error('Connection terminated unexpectedly');
    return result;
  };
  return { query } as unknown as Database;
}
