import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Database } from './database.ts';

/** Who calls. */
export interface Principal {
  kind: 'administrator' | 'system' | 'station';
  id: string;
  name: string;
}

/** A credential as handed out: shown once, stored only as a hash. */
export interface IssuedKey {
  id: string;
  name: string;
  key: string;
}

/** How long an enrolment code lives. */
const ENROLMENT_MINUTES = 15;

/** Fixed, so that several processes starting on an empty ledger make one administrator and not several. */
const FIRST_ADMINISTRATOR = '00000000-0000-8000-8000-000000000001';

// 256 random bits need no slow hash; the prefix says what a leaked key is.
const newKey = (prefix: 'ak' | 'st') => `${prefix}_${randomBytes(32).toString('base64url')}`;
const hashOf = (secret: string) => createHash('sha256').update(secret).digest();

/** Makes the one first administrator key, unless there is an administrator already. */
export async function bootstrapAdministrator(db: Database): Promise<IssuedKey | undefined> {
  const issued = { id: FIRST_ADMINISTRATOR, name: 'first administrator', key: newKey('ak') };
  const { rowCount } = await db.query(
    `insert into api_keys (id, name, role, key_hash) select $1, $2, 'administrator', $3
     where not exists (select from api_keys where role = 'administrator') on conflict (id) do nothing`,
    [issued.id, issued.name, hashOf(issued.key)],
  );
  return rowCount === 1 ? issued : undefined;
}

/** Makes a key for an upstream system. */
export async function issueSystemKey(db: Database, name: string): Promise<IssuedKey> {
  const issued = { id: randomUUID(), name, key: newKey('ak') };
  await db.query(`insert into api_keys (id, name, role, key_hash) values ($1, $2, 'system', $3)`, [
    issued.id,
    name,
    hashOf(issued.key),
  ]);
  return issued;
}

/** Makes a one-time code under which a station fetches its own key. */
export async function issueEnrolment(db: Database, name: string): Promise<{ code: string; expiresAt: Date }> {
  // 80 bits, typed by a person: groups of four in Crockford's base 32, which has no look-alikes.
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const code = Array.from(randomBytes(16), (byte, i) => (i > 0 && i % 4 === 0 ? '-' : '') + alphabet[byte & 31]).join(
    '',
  );
  const { rows } = await db.query<{ expires_at: Date }>(
    `insert into station_enrolments (code_hash, name, expires_at) values ($1, $2, now() + $3 * interval '1 minute') returning expires_at`,
    [hashOf(code), name, ENROLMENT_MINUTES],
  );
  const row = rows[0];
  if (!row) throw new Error('enrolment was not stored');
  return { code, expiresAt: row.expires_at };
}

/** Spends a code. Undefined when it is unknown, expired or spent. */
export async function redeemEnrolment(db: Database, code: string): Promise<IssuedKey | undefined> {
  const issued = { id: randomUUID(), key: newKey('st') };
  const { rows } = await db.query<{ name: string }>(
    `with spent as (
       update station_enrolments set redeemed_at = now()
       where code_hash = $1 and redeemed_at is null and expires_at > now() returning name)
     insert into stations (id, name, key_hash) select $2, name, $3 from spent returning name`,
    [hashOf(code), issued.id, hashOf(issued.key)],
  );
  const row = rows[0];
  return row && { ...issued, name: row.name };
}

/** The principals behind keys, in their order; undefined where there is none. Revoked keys are nobody's. */
export async function findPrincipals(db: Database, keys: readonly string[]): Promise<(Principal | undefined)[]> {
  const hashes = keys.map((key) => hashOf(key));
  const { rows } = await db.query<Principal & { hash: Buffer }>({
    name: 'find-principals',
    text: `select 'station' as kind, id, name, key_hash as hash from stations where key_hash = any ($1) and revoked_at is null
      union all select role, id, name, key_hash from api_keys where key_hash = any ($1) and revoked_at is null`,
    values: [hashes],
  });
  return hashes.map((hash) => {
    const row = rows.find((found) => found.hash.equals(hash));
    return row && { kind: row.kind, id: row.id, name: row.name };
  });
}

/** Who stands behind an id, revoked or not; undefined where nobody ever did. */
export async function getPrincipal(db: Database, id: string): Promise<Principal | undefined> {
  const { rows } = await db.query<Principal>({
    name: 'get-principal',
    text: `select 'station' as kind, id, name from stations where id = $1
      union all select role, id, name from api_keys where id = $1`,
    values: [id],
  });
  return rows[0];
}

export interface StationRow {
  id: string;
  name: string;
  enrolledAt: Date;
  revokedAt: Date | undefined;
}

export async function listStations(db: Database): Promise<StationRow[]> {
  const { rows } = await db.query('select id, name, enrolled_at, revoked_at from stations order by enrolled_at');
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    enrolledAt: row.enrolled_at,
    revokedAt: row.revoked_at ?? undefined,
  }));
}

/** Takes a station's key away. False when there is no such station. */
export async function revokeStation(db: Database, id: string): Promise<boolean> {
  const { rowCount } = await db.query('update stations set revoked_at = coalesce(revoked_at, now()) where id = $1', [
    id,
  ]);
  return rowCount === 1;
}
