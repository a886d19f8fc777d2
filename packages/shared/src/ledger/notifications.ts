import { EventEmitter } from 'node:events';
import { Client } from 'pg';
import { TRANSACTIONS_CHANNEL } from './transactions.ts';

/** Hears every transition that any process commits. */
export interface TransactionFeed {
  /** Calls `listener` after each transition of the transaction, and whenever the line was down and changes may have been missed. */
  subscribe(id: string, listener: () => void): () => void;
  close(): Promise<void>;
}

const RECONNECT_MS = 500;

/**
 * One LISTEN connection, dialled again whenever it breaks. A subscriber always re-reads the ledger, so a missed notification costs it
 * the time until the line is back, nothing else.
 */
export async function openTransactionFeed(url: string): Promise<TransactionFeed> {
  const emitter = new EventEmitter().setMaxListeners(0);
  let client: Client | undefined;
  let closing = false;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const next = new Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 5_000 });
    next.on('notification', ({ payload }) => payload && emitter.emit(payload));
    next.on('error', () => {});
    next.on('end', () => redial(next));
    await next.connect();
    await next.query(`listen ${TRANSACTIONS_CHANNEL}`);
    client = next;
    for (const id of emitter.eventNames()) emitter.emit(id);
  }
  function redial(ended: Client): void {
    if (closing || (client && client !== ended)) return;
    client = undefined;
    clearTimeout(timer);
    timer = setTimeout(() => {
      connect().catch(() => redial(ended));
    }, RECONNECT_MS);
  }

  await connect();
  return {
    subscribe(id, listener) {
      emitter.on(id, listener);
      return () => emitter.off(id, listener);
    },
    async close() {
      closing = true;
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
}
