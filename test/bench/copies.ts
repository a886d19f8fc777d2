import type { Database } from '@atesto/shared/ledger/database';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';

export interface CopiesOptions {
  state: 'accepted' | 'retrying' | 'awaiting' | 'concluded';
  /** Milliseconds; left out, nothing is due any more. */
  dueInMs?: number;
  /** A body, a person and a history of its own for each, as in a ledger that was filled one by one. Such a body cannot be sent. */
  apart?: boolean;
  /** Default: the statistics are taken anew. */
  analyze?: boolean;
}

const PEOPLE = 100_000;
/** Copies that stand apart were accepted in the last so many days. */
const DAYS = 10;
const PIECE = 50_000;
/** Of a statement, which takes longer than a service would wait. */
const PATIENCE_MS = 300_000;
const patiently = { query_timeout: PATIENCE_MS };

const histories = {
  accepted: ['accepted'],
  retrying: ['accepted', 'claimed', 'failed'],
  awaiting: ['accepted', 'claimed', 'taken'],
  concluded: ['accepted', 'claimed', 'concluded'],
} as const;
const states = {
  accepted: 'accepted',
  claimed: 'submitting',
  failed: 'retrying',
  taken: 'awaiting',
  concluded: 'concluded',
} as const;

/** Fills the ledger with transactions like one that it has, which stays as it is. */
export async function fillWithCopies(
  db: Database,
  like: Pick<TransactionRow, 'id'>,
  count: number,
  { state, dueInMs, apart = false, analyze = true }: CopiesOptions,
): Promise<void> {
  const steps = histories[state];
  const to = steps.map((type) => states[type]);
  const last = steps.length - 1;
  const client = await db.connect();
  try {
    // Foreign keys hold by construction; looking each up would be most of the time.
    await client.query(`set session_replication_role = replica; set statement_timeout = ${PATIENCE_MS}`);
    const run = (text: string, values: unknown[] = []) => client.query({ ...patiently, text, values });
    if (apart) {
      await run(
        `insert into subjects (id, cpf_index, cpf_sealed)
          select md5('person ' || i)::uuid, sha256(('person ' || i)::bytea), sha256(('sealed ' || i)::bytea) from generate_series(0, $1 - 1) i
          on conflict do nothing`,
        [PEOPLE],
      );
    }
    for (let from = 0; from < count; from += PIECE) {
      await run(
        `with made as (
            insert into transactions (id, owner, kind, subject, operator, operator_verification, captured_at, request_mac, payload,
              payload_bytes, wrapped_key, state, version, attempt, due_at, upstream_id, upstream_status, verdict, accepted_at, updated_at)
            select gen_random_uuid(), owner, kind, case when $3 then md5('person ' || i % ${PEOPLE})::uuid else subject end, operator,
              operator_verification, captured_at, request_mac, case when $3 then gen_random_uuid() else payload end, payload_bytes, wrapped_key, $2,
              $4, least(1, $4), now() + $5 * interval '1 millisecond',
              case when $2 in ('awaiting', 'concluded') then gen_random_uuid()::text end,
              case $2 when 'awaiting' then 'ENROLL_PENDING' when 'concluded' then 'ENROLL_OK' end, case $2 when 'concluded' then 'enrolled' end,
              at, at
            from transactions, generate_series($6::int, $7::int - 1) i,
              lateral (select case when $3 then now() - (1 - i / $8::float8) * interval '${DAYS} days' else now() end as at) t
            where id = $1 returning id, accepted_at)
          insert into transaction_events (transaction_id, seq, type, from_state, to_state, attempt, at)
          select made.id, seq, type, from_state, to_state, least(1, seq), accepted_at
          from made, unnest($9::int[], $10::text[], $11::text[], $12::text[]) as step (seq, type, from_state, to_state)`,
        [
          like.id,
          state,
          apart,
          last,
          dueInMs,
          from,
          Math.min(count, from + PIECE),
          count,
          ...[steps.map((_, seq) => seq), steps, [null, ...to.slice(0, -1)], to],
        ],
      );
    }
    if (apart) {
      // Done long since in a ledger that filled slowly.
      await run('vacuum analyze transactions, transaction_events');
    }
  } finally {
    // Whoever is lent this connection next is checked again.
    client.release(true);
  }
  if (analyze) await db.query('analyze');
}
