import type { Database } from './database.ts';
import { togetherOrAlone } from './together-or-alone.ts';

/** A person's row: an opaque id, a keyed hash of the CPF that finds it, and the sealed CPF. */
export interface SubjectRow {
  cpfIndex: Buffer;
  cpfSealed: Buffer;
}

/** Whoever operates is kept when their transactions are gone. */
export interface PersonSeen extends SubjectRow {
  operates: boolean;
}

/** Finds or makes the opaque id behind a CPF. With `operates` it is an operator's from now on, and outlives its transactions. */
export async function ensureSubject(db: Database, person: SubjectRow, operates = false): Promise<string> {
  const [id] = await ensureSubjects(db, [{ ...person, operates }]);
  return id as string;
}

/** `ensureSubject` on one ledger. */
export type EnsureSubject = (person: PersonSeen) => Promise<string>;

/** `ensureSubject` that commits in groups: where one meets somebody who writes the same people in another order, each goes alone. */
export function createEnsureSubject(db: Database): EnsureSubject {
  return togetherOrAlone(
    (people: readonly PersonSeen[]) => ensureSubjects(db, people),
    (person) => ensureSubject(db, person, person.operates),
  );
}

/** Each in its place. Who was seen within a minute costs no write. */
async function ensureSubjects(db: Database, people: readonly PersonSeen[]): Promise<string[]> {
  const asked = new Map<string, PersonSeen>();
  for (const person of people) {
    const key = person.cpfIndex.toString('hex');
    asked.set(key, { ...person, operates: person.operates || (asked.get(key)?.operates ?? false) });
  }
  const ids = new Map<string, string>();
  const { rows: seen } = await db.query<{ id: string; key: string; operates: boolean }>({
    name: 'find-subjects',
    text: `select id, encode(cpf_index, 'hex') as key, operates from subjects
      where cpf_index = any ($1) and seen_at > now() - interval '1 minute'`,
    values: [[...asked.values()].map(({ cpfIndex }) => cpfIndex)],
  });
  for (const { id, key, operates } of seen) if (operates || !asked.get(key)?.operates) ids.set(key, id);

  const others = [...asked].filter(([key]) => !ids.has(key));
  if (others.length > 0) {
    // In one order, whoever else writes the same people.
    others.sort(([a], [b]) => (a < b ? -1 : 1));
    // The update makes an existing row come back, and keeps it from being forgotten meanwhile; sealed text differs at each sealing, the first stays.
    const { rows } = await db.query<{ id: string; key: string }>({
      name: 'ensure-subjects',
      text: `insert into subjects as s (cpf_index, cpf_sealed, operates)
        select decode(key, 'hex'), decode(sealed, 'hex'), operates
        from jsonb_to_recordset($1) as person (key text, sealed text, operates boolean)
        on conflict (cpf_index) do update set seen_at = now(), operates = s.operates or excluded.operates
        returning id, encode(cpf_index, 'hex') as key`,
      values: [
        JSON.stringify(
          others.map(([key, { cpfSealed, operates }]) => ({ key, sealed: cpfSealed.toString('hex'), operates })),
        ),
      ],
    });
    for (const { id, key } of rows) ids.set(key, id);
  }
  return people.map(({ cpfIndex }) => {
    const id = ids.get(cpfIndex.toString('hex'));
    if (id === undefined) throw new Error('subject was not stored');
    return id;
  });
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
