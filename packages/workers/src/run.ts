import { refuseForeignKeys, resolveKeys } from '@atesto/shared/config/keys';
import { refuseEviction } from '@atesto/shared/config/redis-url';
import type { Environment } from '@atesto/shared/config/settings';
import { SettingsError } from '@atesto/shared/config/settings';
import { untilStopped } from '@atesto/shared/config/stop-signal';
import type { WorkersSettings } from '@atesto/shared/config/workers';
import { readWorkersSettings } from '@atesto/shared/config/workers';
import {
  isSpidKind,
  transactionEventTypes,
  transactionKinds,
  transactionStates,
} from '@atesto/shared/domain/transaction';
import { archiveEnded } from '@atesto/shared/ledger/archive';
import { isReachable, migrate, openDatabase } from '@atesto/shared/ledger/database';
import { createTokenStore } from '@atesto/shared/ledger/idcloud-tokens';
import { findForeignKeys } from '@atesto/shared/ledger/key-marks';
import { whyNoStart } from '@atesto/shared/ledger/passing-failure';
import { createRequestBudgets, readPaces } from '@atesto/shared/ledger/request-budget';
import { overdueSeconds } from '@atesto/shared/ledger/schedule';
import { countStanding } from '@atesto/shared/ledger/standing';
import { evictionOf } from '@atesto/shared/queues/eviction';
import { jobCatalogue, type Lane, lanes, type QueueName, queueOf, queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues } from '@atesto/shared/queues/queues';
import type { Log } from '@atesto/shared/telemetry/log';
import { createLog } from '@atesto/shared/telemetry/log';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createWorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import { createIdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import type { Upstream } from '@atesto/shared/upstreams/upstream';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { keyMarks } from '@atesto/shared/vault/key-marks';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { tokenColumn } from '@atesto/shared/vault/token-column';
import { createVault } from '@atesto/shared/vault/vault';
import { ledgerInGroups } from './ledger-in-groups.ts';
import { createObserver } from './observe.ts';
import { openOperationsServer } from './operations-server.ts';
import { clearVault } from './sweep/clear-vault.ts';
import { eraseRound } from './sweep/erase-round.ts';
import { startRounds } from './sweep/rounds.ts';
import type { WorkContext } from './work-context.ts';
import { startWorkers } from './workers.ts';

const VERSION = '0.1.0';
/** Rows that one round of the sweep claims at most, and how long a claimed row waits for its job. */
const SWEEP = { batch: 500, requeueMs: 30_000 };

/** Of the connections to the ledger, those for what finds its rows by their ids, in groups: its plans are kept. What takes the first of many must not keep them. */
const BY_ID_CONNECTIONS = 4;

/** How often bodies that no ledger row can open are looked for. */
const CLEARING_INTERVAL_MS = 6 * 60 * 60_000;

/** What is over moves in small batches with pauses, so that live work never waits for it: at most 21 million a day and process. */
const ARCHIVE = { limit: 500, intervalMs: 2_000 };

/** Runs the workers until they are told to stop. The exit code: 0, or 1 where they could not start. */
export async function runWorkers(environment: Environment): Promise<number> {
  let settings: WorkersSettings;
  try {
    settings = readWorkersSettings(environment);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  const log = createLog({ service: 'workers', level: settings.logLevel });
  try {
    const workers = await start(settings, log);
    await untilStopped();
    log.info('workers-draining');
    await workers.close();
    log.info('workers-drained');
    return 0;
  } catch (error) {
    log.error('workers-failed', { error });
    const why = error instanceof SettingsError ? error.message : whyNoStart(error);
    process.stderr.write(`The workers could not start: ${why}\n`);
    return 1;
  }
}

async function start(settings: WorkersSettings, log: Log): Promise<{ close(): Promise<void> }> {
  for (const { setting, source, configured } of settings.summary) log.debug('setting', { setting, source, configured });
  const keys = await resolveKeys(settings.keys, settings.stateDir);
  const onError = (error: unknown) => log.error('background-failed', { error });

  refuseEviction(await evictionOf(settings.queue));
  await migrate(settings.databaseUrl);
  const connections = settings.databaseConnections;
  const most = Math.max(1, Math.min(BY_ID_CONNECTIONS, connections - 1));
  const byId = openDatabase({ url: settings.databaseUrl, max: most, keepPlans: true }, onError);
  const db = openDatabase({ url: settings.databaseUrl, max: Math.max(1, connections - most) }, onError);
  const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
  refuseForeignKeys(await findForeignKeys(db, keyMarks(keyRing)), keys);
  const { accounts, ...connecting } = settings.idcloud;
  const queueNames = queuesOf(accounts);
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: VERSION }), {
    kinds: transactionKinds,
    states: transactionStates.filter((state) => state !== 'concluded' && state !== 'erased'),
    events: transactionEventTypes,
    jobs: Object.keys(jobCatalogue),
    queues: queueNames,
    lanes: Object.keys(lanes),
    upstreams: queueNames,
    operations: ['submit', 'result', 'findTransaction'],
  });
  metrics.standing(async () => (await countStanding(db)).map((found) => ({ ...found, upstream: queueOf(found) })));
  metrics.paces(async () => (await readPaces(db, accounts)).map((pace) => ({ ...pace, upstream: queueOf(pace) })));
  metrics.overdueSeconds(() => overdueSeconds(db));
  const spid = createSpidServerClient(settings.spid);
  const budgets = createRequestBudgets(db, accounts, onError);
  const idcloud = createIdcloudAccounts(accounts, {
    ...connecting,
    budgets,
    tokens: createTokenStore(db, tokenColumn(keyRing)),
    onTokenRefused: (account, { reason, upstreamCode }) =>
      log.error('token-refused', { upstream: queueOf({ account }), reason, upstreamCode }),
  });
  // A rate counts jobs.
  const grouped: QueueName[] = settings.spidRate === undefined ? ['spid'] : [];
  const queues = openQueues(settings.queue, queueNames, onError, { grouped });
  metrics.queueJobs(() => queues.counts());
  metrics.laneJobs(() =>
    Promise.all(
      queueNames.flatMap((queue) =>
        (Object.keys(lanes) as Lane[]).map(async (lane) => ({ queue, lane, count: await queues.inLine(queue, lane) })),
      ),
    ),
  );
  const store = await createFileStore(settings.vault.path);
  const context: WorkContext = {
    ...ledgerInGroups(db, byId),
    keyRing,
    vault: createVault({ keyRing, store, observe: metrics.vault }),
    spid,
    upstreamOf: (row): Upstream | undefined => (isSpidKind(row.kind) ? spid : idcloud.upstreamOf(row)),
    enqueue: (moment, lane) => queues.enqueue(moment, lane),
    inLine: (queue, lane) => queues.inLine(queue, lane),
    observe: createObserver(metrics, log, spid),
    settings: settings.work,
    random: Math.random,
  };
  // Before any work: a port that is taken must not end a process that sends.
  const operations = await openOperationsServer(settings.metrics, { metrics, isReady: () => isReachable(db) });
  const workers = startWorkers(context, {
    backend: settings.queue,
    concurrency: settings.concurrency,
    spidPerSecond: settings.spidRate,
    idcloud: { accounts, budgets },
    sweep: { ...SWEEP, grouped, intervalMs: settings.tickMs },
    resends: { dailyAt: settings.resendDailyAt },
    onError,
  });
  metrics.circuits(async () => workers.upstreams());
  const clearings = startRounds(
    CLEARING_INTERVAL_MS,
    async () => {
      const { orphans, removed } = await clearVault(db, store, Date.now());
      if (removed > 0) log.info('vault-cleared', { count: removed });
      else if (orphans > 0) log.error('vault-clearing-refused', { count: orphans });
      return 'done';
    },
    onError,
  );
  const erasures = startRounds(
    settings.tickMs,
    () =>
      eraseRound(db, store, {
        retentionDays: settings.retentionDays,
        observe: {
          erased: (row) => context.observe.transition(row, 'erased'),
          unspentErased(count) {
            metrics.unspentErased(count);
            log.info('unspent-captures-erased', { count });
          },
        },
      }),
    onError,
  );
  const archiving = startRounds(
    ARCHIVE.intervalMs,
    async () => {
      const count = await archiveEnded(db, { afterDays: settings.archiveAfterDays, limit: ARCHIVE.limit });
      if (count > 0) log.debug('ledger-archived', { count });
      return 'done';
    },
    onError,
  );
  const mending =
    settings.spidRate === undefined
      ? undefined
      : startRounds(settings.tickMs, () => queues.mendRate('spid').then(() => 'done'), onError);
  log.info('workers-started', { ...settings.metrics, backend: settings.queue.kind, version: process.versions.node });
  return {
    async close() {
      await workers.close();
      await Promise.all([erasures.close(), clearings.close(), archiving.close(), mending?.close()]);
      await Promise.all([queues.close(), spid.close(), idcloud.close(), operations.close()]);
      await Promise.all([db.end(), byId.end()]);
    },
  };
}
