import type { Database } from './database.ts';

/** Which of these vault records the ledger can still open. The others are nobody's: their keys exist nowhere. */
export async function listLivingRecords(db: Database, records: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ record: string }>({
    name: 'living-records',
    text: `select record from captures where record = any ($1) and wrapped_key is not null
      union all select payload from transactions where payload = any ($1) and wrapped_key is not null`,
    values: [records],
  });
  return new Set(rows.map(({ record }) => record));
}
