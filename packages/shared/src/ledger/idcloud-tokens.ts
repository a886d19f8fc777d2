import { randomUUID } from 'node:crypto';
import type { TokenStanding, TokenStore } from '../domain/token-store.ts';
import type { Database } from './database.ts';

/** How a token is sealed for its account. */
export interface TokenSealing {
  seal(account: string, token: string): Buffer;
  /** Undefined where no key opens it any more: then it is as good as gone. */
  open(account: string, sealed: Buffer): string | undefined;
}

interface StoredToken<Failure> {
  now: number;
  leased: boolean;
  version: number;
  token_sealed: Buffer | null;
  renew_in: number | null;
  expires_in: number | null;
  failure: Failure | null;
  pause: number | null;
}

const millisecondsTo = (column: string) => `(extract(epoch from ${column} - now()) * 1000)::float8`;

/** The tokens of all accounts in the ledger. Times are the database's. */
export function createTokenStore<Failure>(db: Database, sealing: TokenSealing): TokenStore<Failure> {
  const look: TokenStore<Failure>['look'] = async (account, { leaseMs, refused }) => {
    const lease = randomUUID();
    // Given to one at a time, and only where a token is due and nobody has to wait.
    await db.query({
      name: 'lease-token',
      text: `insert into idcloud_tokens as t (id, lease, leased_until) values ($1, $2, now() + $3 * interval '1 millisecond')
        on conflict (id) do update set lease = excluded.lease, leased_until = excluded.leased_until
        where coalesce(t.leased_until <= now(), true) and coalesce(t.paused_until <= now(), true)
          and (t.token_sealed is null or t.renew_at <= now() or t.version = $4)`,
      values: [account, lease, leaseMs, refused],
    });
    const { rows } = await db.query<StoredToken<Failure>>({
      name: 'look-at-token',
      text: `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now, coalesce(lease = $2, false) as leased, version, token_sealed, failure,
          ${millisecondsTo('renew_at')} as renew_in, ${millisecondsTo('expires_at')} as expires_in,
          ${millisecondsTo('paused_until')} as pause
        from idcloud_tokens where id = $1`,
      values: [account, lease],
    });
    const [row] = rows;
    if (!row) throw new Error('unreachable: the row has just been there');
    const standing: TokenStanding<Failure> = {
      nowMs: row.now,
      ...(row.leased && { lease }),
      ...(row.failure !== null && (row.pause ?? 0) > 0 && { failure: { why: row.failure, pauseMs: row.pause ?? 0 } }),
    };
    if (row.token_sealed === null || row.version === refused || (row.expires_in ?? 0) <= 0) return standing;
    const token = sealing.open(account, row.token_sealed);
    if (token === undefined) return row.leased ? standing : look(account, { leaseMs, refused: row.version });
    const { version, renew_in, expires_in } = row;
    return { ...standing, token: { token, version, renewInMs: renew_in ?? 0, expiresInMs: expires_in ?? 0 } };
  };

  return {
    look,

    async keep(account, lease, { token, renewInMs, expiresInMs }) {
      const { rows } = await db.query<{ version: number }>({
        name: 'keep-token',
        text: `update idcloud_tokens set version = version + 1, token_sealed = $3,
            renew_at = now() + $4 * interval '1 millisecond', expires_at = now() + $5 * interval '1 millisecond',
            lease = null, leased_until = null, failure = null, paused_until = null
          where id = $1 and lease = $2 returning version`,
        values: [account, lease, sealing.seal(account, token), renewInMs, expiresInMs],
      });
      return rows[0]?.version;
    },

    async fail(account, lease, { why, pauseMs }) {
      await db.query({
        name: 'fail-token',
        text: `update idcloud_tokens set failure = $3, paused_until = now() + $4 * interval '1 millisecond',
            lease = null, leased_until = null
          where id = $1 and lease = $2`,
        values: [account, lease, JSON.stringify(why), pauseMs],
      });
    },
  };
}
