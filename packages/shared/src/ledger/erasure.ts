import { erasableStates, isSettled } from '../domain/transaction.ts';
import type { Database } from './database.ts';
import type { StoredTransaction } from './transaction-rows.ts';
import { toTransaction, transactionColumns } from './transaction-rows.ts';
import type { TransactionRow } from './transactions.ts';
import { TRANSACTIONS_CHANNEL } from './transactions.ts';

/**
 * Erasure is a wish and an act. The wish is no transition: it takes nobody's moment away, so that a worker that is sending still writes down what came of
 * it, and from then on nothing is sent (`barredByErasure`). The act is one guarded statement that destroys keys and data and writes the tombstone.
 */

const words = (states: readonly string[]) => states.map((state) => `'${state}'`).join(', ');
const OVER = words(erasableStates.filter(isSettled));

/** Where rows to be erased are found, and who asked. Each where is that of an index, word for word. */
const REQUESTED = {
  where: `erase_requested_at is not null and state in (${words(erasableStates)})`,
  by: `jsonb_build_object('by', d.by, 'requestedAt', d.requested_at)`,
};
const OLD = { where: `state in (${OVER})`, by: `jsonb_build_object('by', 'retention')` };

/** Asks for the erasure of a transaction. Who asked first stands; one that is erased stays as it is. */
export async function requestErasure(db: Database, id: string, by: string): Promise<void> {
  const ask = () =>
    db.query({
      name: 'request-erasure',
      text: `update transactions set erase_requested_at = now(), erase_requested_by = $2
        where id = $1 and erase_requested_at is null and state <> 'erased'`,
      values: [id, by],
    });
  // One that went into the archive while this waited for it is found the second time: it moves once.
  if ((await ask()).rowCount === 0) await ask();
}

/**
 * Destroys the keys of the bodies of up to `limit` that are to be erased and whose answer is not there yet: they are not sent again, and to ask for the
 * answer takes no body. What is being sent just now keeps its own. No transition: who asks goes on. @returns how many
 */
export async function destroyBodies(db: Database, limit: number, id?: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'destroy-bodies',
    text: `with waiting as (
        select id from only transactions
        where erase_requested_at is not null and wrapped_key is not null and state in ('unknown', 'awaiting')
          and ($2::uuid is null or id = $2)
        limit $1 for update skip locked),
      taken as (
        update only transactions t set wrapped_key = null from waiting
        where t.id = waiting.id and t.state in ('unknown', 'awaiting') returning t.id, t.payload),
      pictures as (
        update captures c set wrapped_key = null from taken
        where c.transaction_id = taken.id and c.wrapped_key is not null returning c.record),
      files as (
        insert into erased_records (record) select payload from taken union select record from pictures
        order by 1 on conflict do nothing)
      select count(*)::int as count from taken`,
    values: [limit, id ?? null],
  });
  return rows[0]?.count ?? 0;
}

/** Erases up to `limit` of what was asked for, with `id` that one alone. What is at an upstream, or just moves, is left for a later time. */
export function eraseRequested(db: Database, limit: number, id?: string): Promise<TransactionRow[]> {
  return erase(db, 'erase-requested', REQUESTED, `($2::uuid is null or id = $2) order by erase_requested_at`, [
    limit,
    id ?? null,
  ]);
}

/** Erases up to `limit` of what has been over for so many days, oldest first. */
export function eraseOld(db: Database, limit: number, days: number): Promise<TransactionRow[]> {
  return erase(db, 'erase-old', OLD, `updated_at < now() - $2 * interval '1 day' order by updated_at`, [limit, days]);
}

/**
 * Keys, what was said about the person, who it was, and who attended are gone with this commit; so are the pictures' rows. What stays: the id, kind, owner,
 * station, times and the upstream's id, the hash that tells a repeated request, and that an operation had no effect (its request may be made again).
 */
async function erase(
  db: Database,
  name: string,
  { where, by }: typeof REQUESTED,
  narrowed: string,
  values: [limit: number, by: string | number | null],
): Promise<TransactionRow[]> {
  const { rows } = await db.query<StoredTransaction>({
    name,
    text: `with doomed as (
        select id, version, state as from_state, subject as person, erase_requested_by as by, erase_requested_at as requested_at
        from transactions where ${where} and ${narrowed} limit $1 for update skip locked),
      moved as (
        update transactions t set state = 'erased', died_in = null, version = t.version + 1, updated_at = now(), due_at = null,
          wrapped_key = null, missing_sealed = null, answer_sealed = null, result = null, sdk_capture = null,
          subject = null, operator = null, captured_at = null, upstream_status = null, reason = null,
          verdict = case when t.operation is not null and (t.state = 'dead' or t.verdict = 'rejected') then 'rejected' end
        from doomed d where t.id = d.id and t.version = d.version and t.state = d.from_state
        returning t.*, t.tableoid = 'archived_transactions'::regclass as archived, d.from_state, d.person, ${by} as detail),
      tombstone as (
        insert into transaction_events (transaction_id, seq, type, from_state, to_state, attempt, detail)
        select id, version, 'erased', from_state, state, attempt, detail from moved where not archived),
      archived_tombstone as (
        insert into archived_transaction_events (transaction_id, seq, type, from_state, to_state, attempt, detail)
        select id, version, 'erased', from_state, state, attempt, detail from moved where archived),
      -- What the upstream said of the person. Its id stays.
      said as (
        update transaction_events e
        set detail = case when e.detail ? 'upstreamId' then jsonb_build_object('upstreamId', e.detail -> 'upstreamId') end
        from moved where e.transaction_id = moved.id and e.type in ('taken', 'found', 'progressed', 'concluded')),
      pictures as (
        delete from captures c using moved where c.transaction_id = moved.id returning c.record, c.wrapped_key),
      files as (
        insert into erased_records (record)
        select payload from moved union select record from pictures where wrapped_key is not null
        order by 1 on conflict do nothing),
      people as (
        insert into erased_subjects (subject) select distinct person from moved where person is not null
        order by 1 on conflict (subject) do update set erased_at = now())
      select ${transactionColumns}, pg_notify('${TRANSACTIONS_CHANNEL}', id::text) from moved`,
    values,
  });
  return rows.map(toTransaction);
}

/** Forgets up to `limit` pictures that no transaction took in so many days, keys and all. @returns how many */
export async function eraseUnspentCaptures(db: Database, limit: number, days: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'erase-unspent-captures',
    text: `with old as (
        select id from only captures where transaction_id is null and created_at < now() - $2 * interval '1 day'
        order by created_at limit $1 for update skip locked),
      gone as (
        delete from only captures c using old where c.id = old.id and c.transaction_id is null returning c.record),
      files as (insert into erased_records (record) select record from gone order by 1 on conflict do nothing)
      select count(*)::int as count from gone`,
    values: [limit, days],
  });
  return rows[0]?.count ?? 0;
}

/** An acceptance that has found its person, who was seen within a minute before, refers to the row long before so many minutes are over. */
const ACCEPTED_BY_MINUTES = 5;

/**
 * Destroys the CPF, sealed and hashed, of people of whom no transaction is left: up to `limit` of those who had one erased. The row stays, and is
 * nobody's: the same CPF gets another one. Operators keep theirs.
 */
export async function forgetSubjects(db: Database, limit: number): Promise<void> {
  await db.query({
    name: 'forget-subjects',
    text: `with due as (
        select e.subject, s.operates or exists (select from transactions t where t.subject = e.subject) as stays
        from erased_subjects e join subjects s on s.id = e.subject
        where e.erased_at < now() - $2 * interval '1 minute' and s.seen_at < now() - $2 * interval '1 minute'
        order by e.erased_at limit $1 for update of e skip locked),
      forgotten as (
        update subjects s set cpf_index = null, cpf_sealed = null from due
        where s.id = due.subject and not due.stays and not s.operates and s.seen_at < now() - $2 * interval '1 minute'
        returning s.id)
      delete from erased_subjects e using due
      where e.subject = due.subject and (due.stays or e.subject in (select id from forgotten))`,
    values: [limit, ACCEPTED_BY_MINUTES],
  });
}

/** Records of the vault that an erasure left behind: their keys are gone, and their files may be. */
export async function listErasedRecords(db: Database, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ record: string }>({
    name: 'list-erased-records',
    text: 'select record from erased_records limit $1',
    values: [limit],
  });
  return rows.map(({ record }) => record);
}

/** Their files are gone too. */
export async function forgetErasedRecords(db: Database, records: readonly string[]): Promise<void> {
  await db.query({
    name: 'forget-erased-records',
    text: 'delete from erased_records where record = any ($1)',
    values: [records],
  });
}
