import type { TransactionEventType, TransactionKind } from '@atesto/shared/domain/transaction';
import type { Circuit } from '@atesto/shared/ledger/account-health';
import type { ApplyEvent } from '@atesto/shared/ledger/apply-events';
import type { Database } from '@atesto/shared/ledger/database';
import type { TransactionMoment, TransactionRow } from '@atesto/shared/ledger/transactions';
import type { JobName, Lane, QueueName } from '@atesto/shared/queues/jobs';
import type { WorkQueues } from '@atesto/shared/queues/queues';
import type { SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import type { Upstream } from '@atesto/shared/upstreams/upstream';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import type { Vault } from '@atesto/shared/vault/vault';
import type { Random } from './retry-policy.ts';

/** Times of the work, in milliseconds. */
export interface WorkSettings {
  /** After this a send is cut off. */
  submitTimeoutMs: number;
  /** How long a claim holds: a worker silent for longer is taken for dead. Longer than `submitTimeoutMs`. */
  leaseMs: number;
  /** How long a lost answer rests before the upstream is asked. */
  settleMs: number;
}

/** What every kind of work is given. */
export interface WorkContext {
  db: Database;
  /** Writes what happened, together with what others write at the same time. */
  applyEvent: ApplyEvent;
  /** Reads a live transaction and its age, together with what others read at the same time. */
  getWithAge(id: string): Promise<{ transaction: TransactionRow; ageMs: number } | undefined>;
  /** Moves the due time without a transition, together with others. */
  postpone(moment: TransactionMoment, dueInMs: number): Promise<void>;
  vault: Vault;
  keyRing: KeyRing;
  spid: SpidServerClient;
  /** The platform that a transaction goes to, by the key that it is sent with; undefined where that is not configured any more. */
  upstreamOf(row: Pick<TransactionRow, 'kind' | 'account' | 'keyName'>): Upstream | undefined;
  enqueue(moment: TransactionMoment, lane?: Lane): Promise<void>;
  /** How many jobs wait in a queue, in one lane or in all. */
  inLine: WorkQueues['inLine'];
  observe: WorkObserver;
  settings: WorkSettings;
  random: Random;
}

/** Where the work says what it did: metrics and one wide log line each. Never throws. */
export interface WorkObserver {
  transition(after: TransactionRow, event: TransactionEventType): void;
  /** Times a call and counts how it ended. */
  call<T extends { kind: string }>(
    of: { account?: string | undefined; kind?: TransactionKind },
    operation: string,
    run: () => Promise<T>,
  ): Promise<T>;
  /** Counts what a poll brought: the type of its event, or `waiting`. */
  polled(of: { account?: string | undefined }, outcome: TransactionEventType | 'waiting'): void;
  /** An upstream was found to be away, or to be back. */
  circuit(upstream: QueueName, state: Circuit['state']): void;
  /** Times a job and counts how it ended. */
  job(name: JobName, run: () => Promise<void>): Promise<void>;
}
