import type { Database } from './database.ts';
import type { TransactionMoment, TransactionRow } from './transactions.ts';
import { applyEvent } from './transactions.ts';

/**
 * The schedule is a column, not a queue: every unsettled transaction has a `due_at`, and whoever claims a due row moves it on by a lease, so
 * that it comes up again should the claimer die. A million waiting transactions cost the queue nothing.
 */

/** A due transaction, with what decides whether it is worth taking up. */
export type DueTransaction = TransactionMoment & {
  /** Since its acceptance, by the ledger's clock. */
  ageMs: number;
};

/** Polls of an account that has a budget: as many as there is budget for are claimed, by themselves. */
const BUDGETED_POLL = `state = 'awaiting' and account is not null`;

/**
 * Claims up to `limit` due transactions for `leaseMs`, budgeted polls left out. Concurrent claimers get different rows.
 * @param full accounts (undefined, SPID) for which nothing more can be put in line: theirs stay due, but for claims that ran out
 */
export function claimDue(
  db: Database,
  limit: number,
  leaseMs: number,
  full: readonly (string | undefined)[] = [],
): Promise<DueTransaction[]> {
  return claim(
    db,
    {
      name: 'claim-due',
      where: `not (${BUDGETED_POLL}) and (state = 'submitting' or coalesce(account, '') <> all ($3))`,
    },
    [limit, leaseMs, full.map((account) => account ?? '')],
  );
}

/** The same for the polls of one account. */
export function claimDuePolls(
  db: Database,
  account: string,
  limit: number,
  leaseMs: number,
): Promise<DueTransaction[]> {
  return claim(db, { name: 'claim-due-polls', where: `${BUDGETED_POLL} and account = $3` }, [limit, leaseMs, account]);
}

async function claim(
  db: Database,
  { name, where }: { name: string; where: string },
  values: [limit: number, leaseMs: number, accounts: string | readonly string[]],
): Promise<DueTransaction[]> {
  const { rows } = await db.query<DueTransaction>({
    name,
    text: `with due as (
        select id from only transactions where due_at <= now() and ${where} order by due_at limit $1 for update skip locked)
      update only transactions t set due_at = now() + $2 * interval '1 millisecond' from due
      where t.id = due.id returning t.id, t.kind, t.account, t.state, t.version, t.attempt, t.died_in as "diedIn",
        t.owner, t.station, extract(epoch from now() - t.accepted_at)::float8 * 1000 as "ageMs"`,
    values,
  });
  return rows.map((row) => ({
    ...row,
    account: row.account ?? undefined,
    diedIn: row.diedIn ?? undefined,
    station: row.station ?? undefined,
  }));
}

/** Whether the moment still holds: a job may have been overtaken while it was in line. */
export async function isCurrent(
  db: Database,
  { id, version }: Pick<TransactionMoment, 'id' | 'version'>,
): Promise<boolean> {
  const { rows } = await db.query({
    name: 'is-current',
    text: 'select from only transactions where id = $1 and version = $2',
    values: [id, version],
  });
  return rows.length > 0;
}

/** Moves the due time without a transition (a poll that found nothing new), if the moment still holds. @returns whether it does */
export async function postpone(db: Database, moment: TransactionMoment, dueInMs: number): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'postpone',
    text: `update only transactions set due_at = now() + $3 * interval '1 millisecond' where id = $1 and version = $2`,
    values: [moment.id, moment.version, dueInMs],
  });
  return rowCount === 1;
}

/** The same for many at once. What somebody else is moving is left to them. */
export async function postponeAll(
  db: Database,
  postponements: readonly { moment: TransactionMoment; dueInMs: number }[],
): Promise<void> {
  await db.query({
    name: 'postpone-all',
    text: `with free as (
        select t.id, p.due_in from only transactions t
          join unnest($1::uuid[], $2::int[], $3::float8[]) as p (id, version, due_in) on t.id = p.id and t.version = p.version
          for update of t skip locked)
      update only transactions t set due_at = now() + free.due_in * interval '1 millisecond' from free where t.id = free.id`,
    values: [
      postponements.map(({ moment }) => moment.id),
      postponements.map(({ moment }) => moment.version),
      postponements.map(({ dueInMs }) => dueInMs),
    ],
  });
}

/**
 * The same for a moment at which whoever took it up failed: a quarter of the time that it has stood so far, from half a minute to an hour. What fails
 * always comes up ever more seldom.
 */
export async function setBack(db: Database, { id, version }: Pick<TransactionMoment, 'id' | 'version'>): Promise<void> {
  await db.query({
    name: 'set-back',
    text: `update only transactions
      set due_at = now() + greatest(interval '30 seconds', least(interval '1 hour', (now() - updated_at) / 4))
      where id = $1 and version = $2`,
    values: [id, version],
  });
}

/** Makes an awaiting transaction due now: something that happened says that its answer may be there. */
export async function makeDue(db: Database, id: string): Promise<void> {
  await db.query({
    name: 'make-due',
    text: `update only transactions set due_at = least(due_at, now()) where id = $1 and state = 'awaiting'`,
    values: [id],
  });
}

/**
 * Somebody looks at a transaction that waits for its answer: the platform is asked soon, and not only when its turn would come. However often somebody looks,
 * after a twentieth of its age, and no sooner than in a second. One that is due as soon anyway is left alone.
 */
export async function hasten(db: Database, id: string): Promise<void> {
  await db.query({
    name: 'hasten',
    text: `update only transactions t set due_at = now() + looked.soon
      from (select id, least(interval '30 seconds', greatest(interval '1 second', (now() - accepted_at) * 0.05)) as soon
        from only transactions where id = $1) looked
      where t.id = looked.id and t.state = 'awaiting' and t.due_at > now() + looked.soon`,
    values: [id],
  });
}

/**
 * Takes one up again that failed: `retrying` becomes due now, `dead` goes back to where it died. All of them: `resends.ts`.
 * @returns the moment to enqueue, or undefined where it has not failed, is to be erased, or somebody else moved it.
 */
export async function resendOne(
  db: Database,
  row: TransactionMoment & Pick<TransactionRow, 'wrappedKey' | 'eraseRequestedAt'>,
  leaseMs: number,
): Promise<TransactionMoment | undefined> {
  const failed = row.state === 'retrying' || row.state === 'dead';
  if (!failed || !row.wrappedKey || row.eraseRequestedAt) return undefined;
  if (row.state === 'dead') return applyEvent(db, row, { type: 'resent' }, { dueInMs: leaseMs });
  return (await postpone(db, row, leaseMs)) ? row : undefined;
}

/** Since when, in seconds, the most overdue transaction has been due; 0 where none is. For a gauge. */
export async function overdueSeconds(db: Database): Promise<number> {
  const { rows } = await db.query<{ seconds: string | null }>({
    name: 'overdue-seconds',
    // By the two indexes that there are.
    text: `select extract(epoch from now() - least(
        (select min(due_at) from only transactions where due_at < now() and not (${BUDGETED_POLL})),
        (select min(due_at) from only transactions where due_at < now() and ${BUDGETED_POLL}))) as seconds`,
  });
  return Number(rows[0]?.seconds ?? 0);
}
