import type { IdcloudAccount } from '@atesto/shared/contracts/idcloud-accounts';
import type { SpidTables } from '@atesto/shared/contracts/spid-profile';
import type { Accept } from '@atesto/shared/ledger/accept';
import type { CaptureRow, InsertCapture } from '@atesto/shared/ledger/captures';
import type { Database } from '@atesto/shared/ledger/database';
import type { TransactionFeed } from '@atesto/shared/ledger/notifications';
import type { EnsureSubject } from '@atesto/shared/ledger/subjects';
import type { AskedTransaction, StandingResult, TransactionMoment } from '@atesto/shared/ledger/transactions';
import type { Lane } from '@atesto/shared/queues/jobs';
import type { GatewayMetrics } from '@atesto/shared/telemetry/gateway-metrics';
import type { Log } from '@atesto/shared/telemetry/log';
import type { IdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import type { IdcloudClient } from '@atesto/shared/upstreams/idcloud-client';
import type { UnicoClient } from '@atesto/shared/upstreams/idcloud-unico';
import type { SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import type { Vault } from '@atesto/shared/vault/vault';
import type { PictureAdviser } from './advice/picture-adviser.ts';
import type { StationLinks } from './link/station-links.ts';

/** Limits and times of the server. Milliseconds and bytes. */
export interface GatewayLimits {
  captureBytesMax: number;
  /** Longest side of a picture, in pixels. */
  imageSideMax: number;
  /** JSON bodies of native routes. */
  jsonBytesMax: number;
  /** Longest time a caller may ask to be held. */
  waitMsMax: number;
  /** After this the sweep takes an accepted transaction up, should its job have been lost. */
  requeueMs: number;
}

/** What routes are given. */
export interface GatewayContext {
  db: Database;
  // Of the ledger, each together with what is asked of it at the same time.
  accept: Accept;
  findAccepted(asked: AskedTransaction): Promise<StandingResult | undefined>;
  ensureSubject: EnsureSubject;
  insertCapture: InsertCapture;
  getCaptures(ids: readonly string[]): Promise<CaptureRow[]>;
  vault: Vault;
  keyRing: KeyRing;
  feed: TransactionFeed;
  /** Puts a transaction in line; a queue that is away is logged, the sweep makes up for it. Never throws. */
  enqueue(moment: TransactionMoment, lane?: Lane): Promise<void>;
  isQueueReachable(): Promise<boolean>;
  spid: SpidServerClient;
  /** The routes that the SPID faces serve, and what status words mean. */
  spidTables: SpidTables;
  /** Callers of the IDCloud face name one of their keys. */
  idcloudAccounts: readonly IdcloudAccount[];
  /** Live reads of the IDCloud faces. */
  idcloud: {
    client(of: Parameters<IdcloudAccounts['client']>[0]): Pick<IdcloudClient, 'send'>;
    unico(of: Parameters<IdcloudAccounts['unico']>[0]): Pick<UnicoClient, 'send'>;
  };
  /** Takes a slot of the account's request budget for a live read. False where none came free in time. */
  beforeIdcloudRead(account: string): Promise<boolean>;
  pictures: PictureAdviser;
  stations: StationLinks;
  log: Log;
  metrics: GatewayMetrics;
  limits: GatewayLimits;
  /** Aborted when the gateway begins to close: whoever is held is answered with how it stands. */
  closing: AbortController;
}
