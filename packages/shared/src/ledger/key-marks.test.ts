import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { keyMarks } from '../vault/key-marks.ts';
import { createKeyRing, generateKey } from '../vault/key-ring.ts';
import { findForeignKeys, forgetOtherKeys } from './key-marks.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger?.stop());

const [first, second, index] = [generateKey(), generateKey(), generateKey()];
const ring = (keys: [id: string, key: Buffer][], indexKey = index) =>
  keyMarks(
    createKeyRing(
      keys.map(([id, key]) => ({ id, key })),
      indexKey,
    ),
  );
const marked = async () => (await ledger.db.query('select use, id from key_marks order by use, id')).rows;

it('takes the keys of whoever comes first for the ledger’s own, and misses them later', async () => {
  const { db } = ledger;
  expect(await findForeignKeys(db, ring([['a', first]]))).toEqual([]);
  expect(await findForeignKeys(db, ring([['a', first]]))).toEqual([]);
  const before = await marked();
  expect(before).toEqual([
    { use: 'encryption', id: 'a' },
    { use: 'index', id: '' },
  ]);
  const missing = { why: 'missing-key', id: 'a' };
  const other = { why: 'other-key', id: 'a' };
  expect(await findForeignKeys(db, ring([['b', second]]))).toEqual([missing]);
  expect(await findForeignKeys(db, ring([['a', second]]))).toEqual([other]);
  expect(await findForeignKeys(db, ring([['a', second]], second))).toEqual([other, { why: 'other-index-key' }]);
  expect(await marked()).toEqual(before);

  const rotating: [string, Buffer][] = [
    ['b', second],
    ['a', first],
  ];
  expect(await findForeignKeys(db, ring(rotating.toReversed()))).toEqual([]);
  expect(await findForeignKeys(db, ring([['a', first]]))).toEqual([]);
  // From here on something may be sealed under it.
  expect(await findForeignKeys(db, ring(rotating))).toEqual([]);
  expect(await findForeignKeys(db, ring([['a', first]]))).toEqual([{ why: 'missing-key', id: 'b' }]);
  expect(await findForeignKeys(db, ring([['b', second]]))).toEqual([missing]);
  await forgetOtherKeys(db, 'b');
  expect(await findForeignKeys(db, ring([['b', second]]))).toEqual([]);
});

it('finds which of two that come at once is a stranger', async () => {
  const { db, stop } = await startLedger();
  const found = await Promise.all(
    [generateKey(), generateKey()].map((key) => findForeignKeys(db, ring([['a', key]], key))),
  );
  expect(found.filter(({ length }) => length === 0)).toHaveLength(1);
  await stop();
});
