import type { ForeignKey, KeyMarks } from '../domain/key-marks.ts';
import type { Database } from './database.ts';

/**
 * Looks whether a service was given the keys that this ledger is sealed under, before it works with them; whoever comes first leaves the marks of its own.
 * @returns in what they differ; then nothing was left
 */
export async function findForeignKeys(db: Database, marks: KeyMarks): Promise<ForeignKey[]> {
  await leave(db, 'index', '', marks.index);
  const before = await differences(db, marks);
  if (before.length > 0) return before;
  const { id, mark } = marks.active();
  await leave(db, 'encryption', id, mark);
  // Somebody else may have been faster, with another key of the same id.
  return differences(db, marks);
}

/** Nothing is sealed under any other key-encryption key than this one any more: the others are not missed from now on. */
export async function forgetOtherKeys(db: Database, activeKeyId: string): Promise<void> {
  await db.query(`delete from key_marks where use = 'encryption' and id <> $1`, [activeKeyId]);
}

async function leave(db: Database, use: 'encryption' | 'index', id: string, mark: Buffer): Promise<void> {
  await db.query('insert into key_marks (use, id, mark) values ($1, $2, $3) on conflict do nothing', [use, id, mark]);
}

async function differences(db: Database, marks: KeyMarks): Promise<ForeignKey[]> {
  const { rows } = await db.query<{ use: 'encryption' | 'index'; id: string; mark: Buffer }>(
    'select use, id, mark from key_marks order by use, id',
  );
  return rows.flatMap(({ use, id, mark }): ForeignKey | never[] => {
    if (use === 'index') return mark.equals(marks.index) ? [] : { why: 'other-index-key' };
    return marks.foreign(id, mark) ?? [];
  });
}
