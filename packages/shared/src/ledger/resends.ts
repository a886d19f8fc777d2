import { randomUUID } from 'node:crypto';
import { transactionStates, transition } from '../domain/transaction.ts';
import type { Database } from './database.ts';
import type { TransactionMoment } from './transactions.ts';
import { TRANSACTIONS_CHANNEL } from './transactions.ts';

/**
 * Resend all is a row: begun in one commit, worked off in batches by whoever has room in a queue, ended or cancelled. It goes once through what had failed,
 * in the order of acceptance, so it ends, and a process that dies takes nothing along.
 */

export interface ResendFilter {
  owner?: string | undefined;
  station?: string | undefined;
}

/** How far a run is. */
export interface ResendRun extends ResendFilter {
  id: string;
  state: 'running' | 'done' | 'cancelled';
  /** What had failed when it began. */
  found: number;
  takenUp: number;
  startedAt: Date;
  endedAt: Date | undefined;
  /** How long it ran, or has run by now, by the database's clock. */
  elapsedMs: number;
}

/** What a failed transaction has to be to be taken up: its body is still there, and stays. */
const RESENDABLE = `t.state in ('retrying', 'dead') and t.wrapped_key is not null and t.erase_requested_at is null`;

/** Where a resend takes the dead, by the state in which they died: the machine's word, for the statement that moves many. */
const RESENT_TO = JSON.stringify(
  Object.fromEntries(
    transactionStates.map((diedIn) => [
      diedIn,
      transition({ state: 'dead', attempt: 0, diedIn }, { type: 'resent' })?.state,
    ]),
  ),
);

/**
 * Begins a run over what has failed by now; where one with the same filter is under way, that one stands for both.
 * @returns the new run's id; undefined where there is such a run
 */
export function beginResend(db: Database, filter: ResendFilter): Promise<string | undefined> {
  return begin(db, filter, undefined);
}

/**
 * Begins a day's scheduled run over everything, once for all who ask. A run over everything that somebody began and that is under way is the day's; one that
 * is another day's is not.
 * @param day `2026-11-22`
 * @returns whether the day has its run: false while that of another day is under way
 */
export async function beginDailyResend(db: Database, day: string): Promise<boolean> {
  if ((await begin(db, {}, day)) !== undefined) return true;
  const { rows } = await db.query<{ begun: boolean }>({
    name: 'adopt-resend',
    text: `with adopted as (
        update resends set daily_on = $1
        where ended_at is null and owner is null and station is null and daily_on is null
          and not exists (select from resends where daily_on = $1)
        returning id)
      select exists (select from adopted) or exists (select from resends where daily_on = $1) as begun`,
    values: [day],
  });
  return rows[0]?.begun === true;
}

async function begin(db: Database, filter: ResendFilter, dailyOn: string | undefined): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>({
    name: 'begin-resend',
    text: `with run as (
        insert into resends (id, owner, station, daily_on) values ($1, $2, $3, $4) on conflict do nothing returning *),
      parts as (
        insert into resend_parts (resend, account, found)
        select run.id, coalesce(t.account, ''), count(*) from run, only transactions t
        where ${RESENDABLE} and t.accepted_at <= run.started_at
          and (run.owner is null or t.owner = run.owner) and (run.station is null or t.station = run.station)
        group by 1, 2)
      select id from run`,
    values: [randomUUID(), filter.owner ?? null, filter.station ?? null, dailyOn ?? null],
  });
  return rows[0]?.id;
}

/** The run of this very filter that is under way. */
export async function runningResend(db: Database, filter: ResendFilter): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>({
    name: 'running-resend',
    text: `select id from resends where ended_at is null
      and owner is not distinct from $1 and station is not distinct from $2`,
    values: [filter.owner ?? null, filter.station ?? null],
  });
  return rows[0]?.id;
}

export async function getResend(db: Database, id: string): Promise<ResendRun | undefined> {
  const { rows } = await db.query({
    name: 'get-resend',
    text: `select r.id, r.owner, r.station, r.started_at, r.ended_at, r.cancelled,
        extract(epoch from coalesce(r.ended_at, now()) - r.started_at)::float8 * 1000 as elapsed,
        coalesce(sum(p.found), 0)::int as found, coalesce(sum(p.taken_up), 0)::int as taken_up
      from resends r left join resend_parts p on p.resend = r.id where r.id = $1 group by r.id`,
    values: [id],
  });
  const [row] = rows;
  return (
    row && {
      id: row.id,
      owner: row.owner ?? undefined,
      station: row.station ?? undefined,
      state: row.cancelled ? 'cancelled' : row.ended_at ? 'done' : 'running',
      found: row.found,
      takenUp: row.taken_up,
      startedAt: row.started_at,
      endedAt: row.ended_at ?? undefined,
      elapsedMs: row.elapsed,
    }
  );
}

/** Ends a run that is under way; what it has not taken up stays as it is. */
export async function cancelResend(db: Database, id: string): Promise<void> {
  await db.query({
    name: 'cancel-resend',
    text: `with run as (update resends set ended_at = now(), cancelled = true where id = $1 and ended_at is null returning id),
      parts as (update resend_parts p set ended_at = now() from run where p.resend = run.id and p.ended_at is null)
      select pg_notify('${TRANSACTIONS_CHANNEL}', id::text) from run`,
    values: [id],
  });
}

/** Whose queues have something of a run before them: an account's name, undefined for SPID. With `id`, of that run. */
export async function accountsToResend(db: Database, id?: string): Promise<(string | undefined)[]> {
  const { rows } = await db.query<{ account: string }>({
    name: 'accounts-to-resend',
    text: `select distinct account from resend_parts where ended_at is null and ($1::uuid is null or resend = $1)`,
    values: [id ?? null],
  });
  return rows.map(({ account }) => account || undefined);
}

export interface ResendBatch {
  /** Undefined for SPID. */
  account: string | undefined;
  limit: number;
  /** After this the sweep takes them up, should their jobs be lost. */
  leaseMs: number;
  /** Of this run; left out, of the one that was not worked at for longest. */
  resend?: string | undefined;
}

/**
 * Takes up the next of a run, in one commit with their events and the run's progress: `retrying` is due now, `dead` goes back to where it died. A run that
 * somebody else works at just now is left to them, and so is a transaction that just moves.
 * @returns the moments to enqueue.
 */
export async function takeUpFailed(db: Database, batch: ResendBatch): Promise<TransactionMoment[]> {
  const { rows } = await db.query<TransactionMoment>({
    name: 'take-up-failed',
    text: `with part as (
        select p.resend, p.account, p.past_accepted_at, p.past_id, r.owner, r.station, r.started_at
        from resend_parts p join resends r on r.id = p.resend
        where p.account = coalesce($1, '') and p.ended_at is null and ($5::uuid is null or p.resend = $5)
        order by p.worked_at limit 1 for update of p skip locked),
      batch as (
        -- Lateral and case, for the index's order: where the planner thinks that few rows are left, each batch reads and sorts all of them.
        select next.* from part, lateral (
          select t.id, t.accepted_at, t.state = 'dead' as was_dead from only transactions t
          where ${RESENDABLE} and (t.accepted_at, t.id) > (part.past_accepted_at, part.past_id)
            and case when t.accepted_at > part.started_at or t.account is distinct from $1 then false
              when part.owner is not null and t.owner <> part.owner then false
              when part.station is not null and t.station is distinct from part.station then false
              else true end
          order by t.accepted_at, t.id limit $2 for update of t skip locked) next),
      moved as (
        update only transactions t set due_at = now() + $3 * interval '1 millisecond',
          state = case when was_dead then coalesce($4::jsonb ->> t.died_in, 'retrying') else t.state end,
          died_in = case when was_dead then null else t.died_in end,
          version = t.version + was_dead::int,
          reason = case when was_dead then null else t.reason end,
          updated_at = case when was_dead then now() else t.updated_at end
        from batch where t.id = batch.id
        returning t.id, t.kind, t.account, t.state, t.version, t.attempt, t.died_in, t.accepted_at, was_dead),
      events as (
        insert into transaction_events (transaction_id, seq, type, from_state, to_state, attempt)
        select id, version, 'resent', 'dead', state, attempt from moved where was_dead),
      progress as (
        update resend_parts p set taken_up = p.taken_up + counted.taken, worked_at = now(),
          past_accepted_at = coalesce(last.accepted_at, p.past_accepted_at), past_id = coalesce(last.id, p.past_id),
          ended_at = case when counted.taken < $2 then now() end
        from part, (select count(*) as taken from batch) counted
          left join (select accepted_at, id from batch order by accepted_at desc, id desc limit 1) last on true
        where p.resend = part.resend and p.account = part.account
        returning pg_notify('${TRANSACTIONS_CHANNEL}', p.resend::text))
      select id, kind, account, state, version, attempt, died_in as "diedIn",
        case when was_dead then pg_notify('${TRANSACTIONS_CHANNEL}', id::text) end, (select count(*) from progress)
      from moved order by accepted_at, id`,
    values: [batch.account ?? null, batch.limit, batch.leaseMs, RESENT_TO, batch.resend ?? null],
  });
  return rows.map(({ id, kind, account, state, version, attempt, diedIn }) => ({
    id,
    kind,
    account: account ?? undefined,
    state,
    version,
    attempt,
    diedIn: diedIn ?? undefined,
  }));
}

/**
 * Ends the runs of which nothing is left. By itself, so that the last two parts of a run may end at the same time. A part at which nobody worked for
 * a day, as of an account that is configured nowhere any more, is given up, and its run counts as cancelled: it would keep others from beginning.
 */
export async function endResends(db: Database): Promise<void> {
  await db.query({
    name: 'end-resends',
    text: `with ended as (
        update resends r set ended_at = now(),
          cancelled = exists (select from resend_parts p where p.resend = r.id and p.ended_at is null)
        where ended_at is null and not exists (
          select from resend_parts p where p.resend = r.id and p.ended_at is null and p.worked_at > now() - interval '24 hours')
        returning id),
      parts as (update resend_parts p set ended_at = now() from ended where p.resend = ended.id and p.ended_at is null)
      select pg_notify('${TRANSACTIONS_CHANNEL}', id::text) from ended`,
  });
}
