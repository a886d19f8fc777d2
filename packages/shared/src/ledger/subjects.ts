import type { Database } from './database.ts';

/** A person's row: an opaque id, a keyed hash of the CPF that finds it, and the sealed CPF. */
export interface SubjectRow {
  cpfIndex: Buffer;
  cpfSealed: Buffer;
}

/** Finds or makes the opaque id behind a CPF. */
export async function ensureSubject(db: Database, { cpfIndex, cpfSealed }: SubjectRow): Promise<string> {
  // The no-op update makes the existing row come back; sealed text differs at each sealing, the first stays.
  const { rows } = await db.query<{ id: string }>({
    name: 'ensure-subject',
    text: `insert into subjects (cpf_index, cpf_sealed) values ($1, $2)
      on conflict (cpf_index) do update set cpf_index = excluded.cpf_index returning id`,
    values: [cpfIndex, cpfSealed],
  });
  const row = rows[0];
  if (!row) throw new Error('subject was not stored');
  return row.id;
}

/** The sealed CPF of a subject, or undefined where there is no such subject. */
export async function getSubject(db: Database, subject: string): Promise<SubjectRow | undefined> {
  const { rows } = await db.query<SubjectRow>({
    name: 'get-subject',
    text: 'select cpf_index as "cpfIndex", cpf_sealed as "cpfSealed" from subjects where id = $1',
    values: [subject],
  });
  return rows[0];
}
