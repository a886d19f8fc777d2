import type { Database } from './database.ts';

/** What is written down where a claim ended with its lease: whoever sent was killed, crashed, or failed at it. */
export const WORKER_LOST = 'worker-lost';

/** How many workers a transaction was lost to since a person last asked for another try. */
export async function countLostWorkers(db: Database, id: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count-lost-workers',
    text: `select count(*)::int as count from transaction_events
      where transaction_id = $1 and type = 'lost' and detail ->> 'reason' = '${WORKER_LOST}'
        and seq > (select coalesce(max(seq), 0) from transaction_events where transaction_id = $1 and type = 'resent')`,
    values: [id],
  });
  return rows[0]?.count ?? 0;
}
