import type {
  OperatorVerification,
  TransactionEvent,
  TransactionKind,
  TransactionSnapshot,
  TransactionState,
  Verdict,
} from '../domain/transaction.ts';
import { barredByErasure, transition } from '../domain/transaction.ts';
import type { SpentCapture } from './captures.ts';
import type { Database } from './database.ts';
import type { StoredTransaction } from './transaction-rows.ts';
import { toTransaction, transactionColumns } from './transaction-rows.ts';

/** A transaction as the ledger keeps it. Absent is undefined; times are the database's. */
export interface TransactionRow extends TransactionSnapshot {
  id: string;
  /** Principal that sent it in. */
  owner: string;
  station: string | undefined;
  kind: TransactionKind;
  /** The upstream's operation, where the kind does not tell. */
  operation: string | undefined;
  /** The account whose budget it spends; undefined for SPID. */
  account: string | undefined;
  /** Which of the account's keys it is sent with, by name. */
  keyName: string | undefined;
  /** The transaction that this one is about. */
  origin: string | undefined;
  /** Undefined where it is about nobody. */
  subject: string | undefined;
  operator: string | undefined;
  operatorVerification: OperatorVerification | undefined;
  capturedAt: Date | undefined;
  /** The vault's record of the body as it will be posted. */
  payload: string;
  payloadBytes: number;
  /** Opens the payload in the vault; gone once the transaction is erased. */
  wrappedKey: Buffer | undefined;
  /** Counts transitions: the guard that keeps a late worker's result out. */
  version: number;
  upstreamId: string | undefined;
  upstreamStatus: string | undefined;
  verdict: Verdict | undefined;
  reason: string | undefined;
  /** The upstream's answer where a compatible face has to repeat it. Never a picture, never a CPF. */
  result: Record<string, unknown> | undefined;
  /** The upstream's answer where the caller is owed it whole. */
  answerSealed: Buffer | undefined;
  acceptedAt: Date;
  updatedAt: Date;
  dueAt: Date | undefined;
  /** Since when nothing is sent any more, because somebody asked for its erasure. */
  eraseRequestedAt: Date | undefined;
}

/** What identifies one moment of one transaction: enough to propose the next transition, small enough for a queue. */
export type TransactionMoment = Pick<TransactionRow, 'id' | 'kind' | 'state' | 'version' | 'attempt'> & {
  account?: string | undefined;
  diedIn?: TransactionState | undefined;
  /** Whose turn it spends in line. */
  owner?: string | undefined;
  station?: string | undefined;
};

export interface AcceptedTransaction {
  id: string;
  owner: string;
  station?: string | undefined;
  kind: TransactionKind;
  operation?: string | undefined;
  account?: string | undefined;
  keyName?: string | undefined;
  origin?: string | undefined;
  subject?: string | undefined;
  operator?: string | undefined;
  operatorVerification?: OperatorVerification | undefined;
  capturedAt?: Date | undefined;
  requestMac: Buffer;
  payload: string;
  payloadBytes: number;
  wrappedKey: Buffer;
  /** Captures whose pictures are in the payload now: their own keys are destroyed in the same commit. */
  captures?: readonly SpentCapture[] | undefined;
  /** Fingers that the person lacks, sealed. */
  missingSealed?: Buffer | undefined;
  /** Capture kept as evidence, key and all. */
  evidence?: string | undefined;
  /** Keyed hash of the SDK's capture that the body holds. */
  sdkCapture?: Buffer | undefined;
  /** After how many milliseconds the sweep takes it up, should the queue have lost it. */
  dueInMs: number;
}

export type AcceptResult =
  | { kind: 'accepted'; transaction: TransactionRow }
  /** The same request had been accepted before. */
  | { kind: 'replayed'; transaction: TransactionRow }
  /** The id stands for something else, or belongs to somebody else. */
  | { kind: 'conflict' };

/** A request under an id: `requestMac` tells it from another one. */
export type AskedTransaction = Pick<AcceptedTransaction, 'id' | 'owner' | 'requestMac'>;

/** What stands under an id already: the same request, or another one. */
export type StandingResult = Exclude<AcceptResult, { kind: 'accepted' }>;

/** What became of ids before, each in its place: undefined where it is free. Saves sealing a body twice. */
export async function findAccepted(
  db: Database,
  asked: readonly AskedTransaction[],
): Promise<(StandingResult | undefined)[]> {
  const { rows } = await db.query<StoredTransaction & { request_mac: Buffer }>({
    name: 'find-accepted',
    text: `select ${transactionColumns}, request_mac from transactions where id = any ($1)`,
    values: [asked.map(({ id }) => id)],
  });
  const standing = new Map(rows.map((row) => [row.id, row]));
  return asked.map(({ id, owner, requestMac }) => {
    const row = standing.get(id);
    if (!row) return undefined;
    if (row.owner !== owner || !row.request_mac.equals(requestMac)) return { kind: 'conflict' };
    return { kind: 'replayed', transaction: toTransaction(row) };
  });
}

/** Whether another transaction than `id` took this capture of the SDK within a day: it is good for one submission. */
export async function isSdkCaptureSpent(db: Database, sdkCapture: Buffer, id: string): Promise<boolean> {
  const { rows } = await db.query({
    name: 'sdk-capture-spent',
    text: `select from only transactions where sdk_capture = $1 and id <> $2 and accepted_at > now() - interval '24 hours' limit 1`,
    values: [sdkCapture, id],
  });
  return rows.length > 0;
}

export interface TransitionPlan {
  /** Milliseconds until the sweep takes it up again; undefined where nothing is due any more. */
  dueInMs?: number | undefined;
  /** Replaces the stored answer for a compatible face. */
  result?: Record<string, unknown> | undefined;
  /** Replaces the sealed answer. */
  answerSealed?: Buffer | undefined;
}

/**
 * Applies one event to the moment the caller knows. One guarded statement writes state and event in one commit.
 * @returns the transaction after it, or undefined when the machine forbids it, the moment has passed (somebody else moved it), or it would send what is to
 * be erased.
 */
export async function applyEvent(
  db: Database,
  moment: TransactionMoment,
  event: TransactionEvent,
  plan: TransitionPlan = {},
): Promise<TransactionRow | undefined> {
  const change = changeOf(moment, event, plan);
  if (!change) return undefined;
  const { rows } = await db.query<StoredTransaction>({
    name: 'apply-event',
    text: `with moved as (
        update only transactions set state = $4, attempt = $5, died_in = $6, version = version + 1, updated_at = now(),
          due_at = now() + $7 * interval '1 millisecond',
          upstream_id = coalesce($8, upstream_id), upstream_status = coalesce($9, upstream_status),
          verdict = coalesce($10, verdict), reason = $11, result = coalesce($12, result),
          answer_sealed = coalesce($15, answer_sealed)
        where id = $1 and version = $2 and state = $3 and not ($16 and erase_requested_at is not null)
        returning *),
      event as (
        insert into transaction_events (transaction_id, seq, type, from_state, to_state, attempt, detail)
        select id, version, $13, $3, state, attempt, $14 from moved)
      select ${transactionColumns}, pg_notify('${TRANSACTIONS_CHANNEL}', id::text) from moved`,
    values: [
      change.id,
      change.version,
      change.from_state,
      change.state,
      change.attempt,
      change.died_in,
      change.due_in,
      change.upstream_id,
      change.upstream_status,
      change.verdict,
      change.reason,
      change.result,
      change.type,
      change.detail,
      change.answer_sealed,
      change.barred,
    ],
  });
  return rows[0] && toTransaction(rows[0]);
}

/** What an event changes, by the ledger's names; undefined when the machine forbids it. */
export function changeOf(moment: TransactionMoment, event: TransactionEvent, plan: TransitionPlan) {
  const next = transition(moment, event);
  if (!next) return undefined;
  const facts = factsOf(event);
  return {
    id: moment.id,
    version: moment.version,
    from_state: moment.state,
    state: next.state,
    attempt: next.attempt,
    died_in: next.diedIn,
    due_in: plan.dueInMs,
    upstream_id: facts.upstreamId,
    upstream_status: facts.upstreamStatus,
    verdict: facts.verdict,
    reason: facts.reason,
    result: plan.result,
    type: event.type,
    detail: Object.keys(facts).length > 0 ? facts : null,
    answer_sealed: plan.answerSealed,
    /** Does not happen to what is to be erased. */
    barred: barredByErasure.includes(event.type),
  };
}

/**
 * How many transactions of the owner's with this very request are over, or (`inVain`) are over without any effect. The same request is the same
 * transaction until then: this tells one such time from the next.
 */
export async function countEndedRequests(
  db: Database,
  owner: string,
  requestMac: Buffer,
  inVain: boolean,
): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count-ended-requests',
    text: `select count(*)::int as count from transactions
      where owner = $1 and request_mac = $2 and operation is not null
        and state in ('concluded', 'dead', 'erased') and (not $3 or state = 'dead' or verdict = 'rejected')`,
    values: [owner, requestMac, inVain],
  });
  return rows[0]?.count ?? 0;
}

/** Channel on which every transition is announced with the transaction's id. */
export const TRANSACTIONS_CHANNEL = 'atesto_transactions';

interface EventFacts {
  upstreamId?: string;
  upstreamStatus?: string;
  verdict?: string;
  reason?: string;
}

function factsOf(event: TransactionEvent): EventFacts {
  switch (event.type) {
    case 'taken':
    case 'found':
      return { upstreamId: event.upstreamId, upstreamStatus: event.upstreamStatus };
    case 'progressed':
      return { upstreamStatus: event.upstreamStatus };
    case 'concluded':
      return { ...event.outcome, ...(event.upstreamId === undefined ? {} : { upstreamId: event.upstreamId }) };
    case 'failed':
    case 'voided':
    case 'refused':
    case 'lost':
    case 'abandoned':
      return { reason: event.reason };
    case 'claimed':
    case 'absent':
    case 'resent':
    case 'erased':
      return {};
    default:
      return event satisfies never;
  }
}

export async function getTransaction(db: Database, id: string): Promise<TransactionRow | undefined> {
  const { rows } = await db.query<StoredTransaction>({
    name: 'get-transaction',
    text: `select ${transactionColumns} from transactions where id = $1 limit 1`,
    values: [id],
  });
  return rows[0] && toTransaction(rows[0]);
}

/**
 * Transactions, in the order of `ids`, each with for how long it has been accepted: by the ledger's clock, for those of processes differ. Archived ones are
 * left out: nothing is to be done about them.
 */
export async function getWithAges(
  db: Database,
  ids: readonly string[],
): Promise<({ transaction: TransactionRow; ageMs: number } | undefined)[]> {
  const { rows } = await db.query<StoredTransaction & { age: number }>({
    name: 'get-with-ages',
    text: `select ${transactionColumns}, extract(epoch from now() - accepted_at)::float8 * 1000 as age
      from only transactions where id = any ($1)`,
    values: [ids],
  });
  const found = new Map(rows.map((row) => [row.id, { transaction: toTransaction(row), ageMs: row.age }]));
  return ids.map((id) => found.get(id));
}

/** How often this has happened to a transaction. */
export async function countEvents(db: Database, id: string, type: TransactionEvent['type']): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count-events',
    text: 'select count(*)::int as count from transaction_events where transaction_id = $1 and type = $2',
    values: [id, type],
  });
  return rows[0]?.count ?? 0;
}

export interface StoredEvent {
  seq: number;
  type: string;
  from: TransactionState | undefined;
  to: TransactionState;
  attempt: number;
  at: Date;
  detail: Record<string, string> | undefined;
}

/** Events after `afterSeq` (−1 for all), in order. */
export async function listEvents(db: Database, id: string, afterSeq = -1): Promise<StoredEvent[]> {
  const { rows } = await db.query({
    name: 'list-events',
    text: `select seq, type, from_state, to_state, attempt, at, detail from transaction_events
      where transaction_id = $1 and seq > $2 order by seq`,
    values: [id, afterSeq],
  });
  return rows.map((row) => ({
    seq: row.seq,
    type: row.type,
    from: row.from_state ?? undefined,
    to: row.to_state,
    attempt: row.attempt,
    at: row.at,
    detail: row.detail ?? undefined,
  }));
}
