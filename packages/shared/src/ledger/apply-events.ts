import { inGroups } from '../domain/in-groups.ts';
import type { TransactionEvent } from '../domain/transaction.ts';
import type { Database } from './database.ts';
import type { StoredTransaction } from './transaction-rows.ts';
import { toTransaction, transactionColumns } from './transaction-rows.ts';
import type { TransactionMoment, TransactionRow, TransitionPlan } from './transactions.ts';
import { applyEvent, changeOf, TRANSACTIONS_CHANNEL } from './transactions.ts';

/** `applyEvent` on one ledger. */
export type ApplyEvent = (
  moment: TransactionMoment,
  event: TransactionEvent,
  plan?: TransitionPlan,
) => Promise<TransactionRow | undefined>;

const ROWS_OF_STATEMENT = 100;

interface Proposal {
  moment: TransactionMoment;
  event: TransactionEvent;
  plan: TransitionPlan;
}

/**
 * `applyEvent` that commits in groups: what is proposed while a statement is under way goes into the next one together. Two at a time would be smaller,
 * and would wait for each other: PostgreSQL commits what notifies one after the other. Each caller gets what it would have got alone, and no transaction
 * is in two statements at once, so that its events keep their order. One difference: where a group
 * was committed and the answer was lost with the connection, its callers are not told of a failure but that the moment has passed. What follows
 * a transition is left to the schedule then: a claim of which nobody knows ends with its lease.
 */
export function createApplyEvent(db: Database): ApplyEvent {
  const together = inGroups(async (group: readonly Proposal[]) => {
    const moved = await applyTogether(db, group).catch(() => new Map<string, TransactionRow>());
    return group.map(({ moment }) => moved.get(moment.id));
  }, ROWS_OF_STATEMENT);
  const inHand = new Map<string, Promise<unknown>>();

  return (moment, event, plan = {}) => {
    // What did not move is tried alone: its moment has passed, somebody holds its row, or one of the group is not to be written. So nobody
    // waits for another's lock or fails for another's fault.
    const run = async () => (await together({ moment, event, plan })) ?? applyEvent(db, moment, event, plan);
    const before = inHand.get(moment.id);
    const result = before ? before.then(run, run) : run();
    inHand.set(moment.id, result);
    const forget = () => {
      if (inHand.get(moment.id) === result) inHand.delete(moment.id);
    };
    void result.then(forget, forget);
    return result;
  };
}

/** All in one statement and one commit. @returns those that moved; rows that others hold are passed over. */
async function applyTogether(db: Database, group: readonly Proposal[]): Promise<Map<string, TransactionRow>> {
  const changes = group.flatMap(({ moment, event, plan }) => {
    const change = changeOf(moment, event, plan);
    return change ? [{ ...change, answer_sealed: change.answer_sealed?.toString('hex') }] : [];
  });
  if (changes.length === 0) return new Map();
  const { rows } = await db.query<StoredTransaction>({
    name: 'apply-events',
    text: `with change as materialized (
        select * from jsonb_to_recordset($1) as change (
          id uuid, version int, from_state text, state text, attempt int, died_in text, due_in float8, upstream_id text,
          upstream_status text, verdict text, reason text, result jsonb, type text, detail jsonb, answer_sealed text, barred boolean)),
      free as (
        select t.id from only transactions t join change c on t.id = c.id and t.version = c.version and t.state = c.from_state
        where t.id = any ($2) and not (c.barred and t.erase_requested_at is not null)
        for update of t skip locked),
      moved as (
        update only transactions t set state = c.state, attempt = c.attempt, died_in = c.died_in, version = t.version + 1,
          updated_at = now(), due_at = now() + c.due_in * interval '1 millisecond',
          upstream_id = coalesce(c.upstream_id, t.upstream_id), upstream_status = coalesce(c.upstream_status, t.upstream_status),
          verdict = coalesce(c.verdict, t.verdict), reason = c.reason, result = coalesce(c.result, t.result),
          answer_sealed = coalesce(decode(c.answer_sealed, 'hex'), t.answer_sealed)
        from change c join free on free.id = c.id
        where t.id = any ($2) and t.id = c.id and t.version = c.version and t.state = c.from_state
        returning t.*, c.type, c.from_state, c.detail),
      event as (
        insert into transaction_events (transaction_id, seq, type, from_state, to_state, attempt, detail)
        select id, version, type, from_state, state, attempt, detail from moved)
      select ${transactionColumns}, pg_notify('${TRANSACTIONS_CHANNEL}', id::text) from moved`,
    // The ids once more, because nobody knows beforehand how many a JSON text holds: a small ledger was read from end to end for each group.
    values: [JSON.stringify(changes), changes.map(({ id }) => id)],
  });
  return new Map(rows.map((row) => [row.id, toTransaction(row)]));
}
