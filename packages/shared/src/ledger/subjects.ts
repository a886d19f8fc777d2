import type { Database } from './database.ts';

/** A person's row: an opaque id, a keyed hash of the CPF that finds it, and the sealed CPF. */
export interface SubjectRow {
  cpfIndex: Buffer;
  cpfSealed: Buffer;
}

/** Finds or makes the opaque id behind a CPF. With `operates` it is an operator's from now on, and outlives its transactions. */
export async function ensureSubject(
  db: Database,
  { cpfIndex, cpfSealed }: SubjectRow,
  operates = false,
): Promise<string> {
  const { rows: seen } = await db.query<{ id: string }>({
    name: 'find-subject',
    text: `select id from subjects where cpf_index = $1 and (operates or not $2) and seen_at > now() - interval '1 minute'`,
    values: [cpfIndex, operates],
  });
  if (seen[0]) return seen[0].id;
  // The update makes the existing row come back, and keeps it from being forgotten meanwhile; sealed text differs at each sealing, the first stays.
  const { rows } = await db.query<{ id: string }>({
    name: 'ensure-subject',
    text: `insert into subjects as s (cpf_index, cpf_sealed, operates) values ($1, $2, $3)
      on conflict (cpf_index) do update set seen_at = now(), operates = s.operates or excluded.operates returning id`,
    values: [cpfIndex, cpfSealed, operates],
  });
  const row = rows[0];
  if (!row) throw new Error('subject was not stored');
  return row.id;
}

/** The sealed CPF of a subject, or undefined where there is no such subject or it was erased. */
export async function getSubject(db: Database, subject: string): Promise<SubjectRow | undefined> {
  const { rows } = await db.query<SubjectRow>({
    name: 'get-subject',
    text: 'select cpf_index as "cpfIndex", cpf_sealed as "cpfSealed" from subjects where id = $1 and cpf_sealed is not null',
    values: [subject],
  });
  return rows[0];
}
