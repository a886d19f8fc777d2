import type { Database } from './database.ts';

/** Finds or makes the opaque id behind a CPF. `cpfIndex` is its keyed hash, `cpfSealed` its sealed text. */
export async function ensureSubject(db: Database, cpfIndex: Buffer, cpfSealed: Buffer): Promise<string> {
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
export async function getSealedCpf(db: Database, subject: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ cpf_sealed: Buffer }>({
    name: 'get-sealed-cpf',
    text: 'select cpf_sealed from subjects where id = $1',
    values: [subject],
  });
  return rows[0]?.cpf_sealed;
}
