import { setTimeout as delay } from 'node:timers/promises';
import type { GatewaySettings } from '@atesto/shared/config/gateway';
import { readGatewaySettings } from '@atesto/shared/config/gateway';
import { refuseForeignKeys, resolveKeys } from '@atesto/shared/config/keys';
import { refuseEviction } from '@atesto/shared/config/redis-url';
import type { Environment } from '@atesto/shared/config/settings';
import { SettingsError } from '@atesto/shared/config/settings';
import { untilStopped } from '@atesto/shared/config/stop-signal';
import { transactionKinds } from '@atesto/shared/domain/transaction';
import { bootstrapAdministrator } from '@atesto/shared/ledger/credentials';
import { migrate, openDatabase } from '@atesto/shared/ledger/database';
import { createTokenStore } from '@atesto/shared/ledger/idcloud-tokens';
import { findForeignKeys } from '@atesto/shared/ledger/key-marks';
import { openTransactionFeed } from '@atesto/shared/ledger/notifications';
import { whyNoStart } from '@atesto/shared/ledger/passing-failure';
import { createRequestBudgets } from '@atesto/shared/ledger/request-budget';
import { evictionOf } from '@atesto/shared/queues/eviction';
import { queueOf, queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues } from '@atesto/shared/queues/queues';
import { createGatewayMetrics } from '@atesto/shared/telemetry/gateway-metrics';
import type { Log } from '@atesto/shared/telemetry/log';
import { createLog } from '@atesto/shared/telemetry/log';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createIdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { keyMarks } from '@atesto/shared/vault/key-marks';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { tokenColumn } from '@atesto/shared/vault/token-column';
import { createVault } from '@atesto/shared/vault/vault';
import { createPictureAdviser } from './advice/picture-adviser.ts';
import { buildGateway } from './app.ts';
import type { GatewayContext } from './gateway-context.ts';
import { ledgerInGroups } from './ledger-in-groups.ts';
import { StationLinks } from './link/station-links.ts';
import { problems } from './problem.ts';

const VERSION = '0.1.0';
const ENQUEUE_PATIENCE_MS = 1_000;
/** How long a live read waits for its place in the account's budget. */
const BUDGET_PATIENCE_MS = 2_000;

/** Runs the gateway until it is told to stop. The exit code: 0, or 1 where it could not start. */
export async function runGateway(environment: Environment): Promise<number> {
  let settings: GatewaySettings;
  try {
    settings = readGatewaySettings(environment);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  const log = createLog({ service: 'gateway', level: settings.logLevel });
  try {
    const gateway = await start(settings, log);
    await untilStopped();
    log.info('gateway-stopping');
    await gateway.close();
    return 0;
  } catch (error) {
    log.error('gateway-failed', { error });
    const why = error instanceof SettingsError ? error.message : whyNoStart(error);
    process.stderr.write(`The gateway could not start: ${why}\n`);
    return 1;
  }
}

async function start(settings: GatewaySettings, log: Log): Promise<{ close(): Promise<void> }> {
  for (const { setting, source, configured } of settings.summary) log.debug('setting', { setting, source, configured });
  const keys = await resolveKeys(settings.keys, settings.stateDir);
  log.info('keys', { source: keys.source, file: keys.file, created: keys.created });
  const onError = (error: unknown) => log.error('background-failed', { error });

  refuseEviction(await evictionOf(settings.queue));
  await migrate(settings.databaseUrl);
  const db = openDatabase({ url: settings.databaseUrl, max: settings.databaseConnections, keepPlans: true }, onError);
  const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
  refuseForeignKeys(await findForeignKeys(db, keyMarks(keyRing)), keys);
  const administrator = await bootstrapAdministrator(db);
  // To the person who starts it for the first time, and to nobody's log.
  if (administrator) process.stderr.write(`Administrator key, shown this once: ${administrator.key}\n`);

  const metrics = createGatewayMetrics(createMetrics({ service: 'gateway', version: VERSION }), {
    kinds: transactionKinds,
    rejectReasons: Object.keys(problems),
  });
  const store = await createFileStore(settings.vault.path);
  const queues = openQueues(settings.queue, queuesOf(settings.idcloud.accounts), onError, {
    grouped: settings.spidRate === undefined ? ['spid'] : [],
  });
  const { accounts, ...connecting } = settings.idcloud;
  const budgets = createRequestBudgets(db, accounts, onError);
  const idcloud = createIdcloudAccounts(accounts, {
    ...connecting,
    budgets,
    tokens: createTokenStore(db, tokenColumn(keyRing)),
    onTokenRefused: (account, { reason, upstreamCode }) =>
      log.error('token-refused', { upstream: queueOf({ account }), reason, upstreamCode }),
  });
  const feed = await openTransactionFeed(settings.databaseUrl);
  const spid = createSpidServerClient(settings.spid);
  const pictures = createPictureAdviser();
  const stations = new StationLinks();
  metrics.stationsConnected(() => stations.count());
  const context: GatewayContext = {
    ...ledgerInGroups(db),
    keyRing,
    vault: createVault({ keyRing, store, observe: metrics.vault }),
    feed,
    async enqueue(moment, lane) {
      // The ledger has it: a queue that is away or slow only costs the time until the sweep, and holds no caller.
      const added = queues.enqueue(moment, lane).catch((error) => {
        log.warn('enqueue-failed', { transaction: moment.id, error });
      });
      await Promise.race([added, delay(ENQUEUE_PATIENCE_MS, undefined, { ref: false })]);
    },
    isQueueReachable: () => queues.isReachable(),
    spid,
    spidTables: settings.spidTables,
    idcloudAccounts: accounts,
    idcloud,
    beforeIdcloudRead: (account) => budgets.read(account, BUDGET_PATIENCE_MS),
    pictures,
    stations,
    log,
    metrics,
    limits: settings.limits,
    closing: new AbortController(),
  };
  const app = await buildGateway(context);
  await app.listen({ host: settings.host, port: settings.port });
  log.info('gateway-listening', {
    host: settings.host,
    port: settings.port,
    backend: settings.queue.kind,
    version: process.versions.node,
  });
  return {
    async close() {
      await app.close();
      await Promise.all([feed.close(), queues.close(), spid.close(), idcloud.close(), pictures.close()]);
      await db.end();
    },
  };
}
