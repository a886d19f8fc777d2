import { serviceSchema, storageSchema, timeout, upstreamSchema } from './common.ts';
import { houseSettings } from './house.ts';
import { integer, port, text, timeOfDay } from './kinds.ts';
import { type Environment, readSettings, SettingsError, type SettingsSchema } from './settings.ts';

/** The workers' variables, in the order of the docs. */
export const workersSchema = {
  METRICS_HOST: { schema: text, about: 'Address of `/metrics` and `/healthz`.', fallback: '127.0.0.1' },
  METRICS_PORT: { schema: port, about: 'Port of `/metrics` and `/healthz`.', fallback: '9464' },
  ...serviceSchema,
  ...storageSchema,
  ...upstreamSchema,
  WORKER_CONCURRENCY: {
    schema: integer(1, 500),
    about: 'Transactions of each queue in work at a time in this process.',
    fallback: '50',
  },
  TICK_MS: timeout('How often the ledger is asked for what is due.', 1_000),
  RESEND_DAILY_AT: {
    schema: timeOfDay,
    about: 'When everything that failed is taken up again each day, by the clock of the process (`TZ`).',
    absent: 'only when somebody asks',
  },
  RETENTION_DAYS: {
    schema: integer(1, 3_650),
    about: 'What has been concluded or dead for so many days is [erased](operations.md#erasure-and-retention).',
    absent: 'nothing is erased by its age',
  },
  ARCHIVE_AFTER_DAYS: {
    schema: integer(1, 3_650, 'days'),
    about:
      'How long what is over stays among the live rows of the ledger; it is [found as before](scaling.md#archive).',
    fallback: '90',
  },
  LEASE_MS: timeout('A worker that is silent for longer is taken for dead. Longer than any submission.', 180_000),
  SETTLE_MS: timeout('How long a lost answer rests before the platform is asked.', 5_000),
} as const satisfies SettingsSchema;

/** @throws SettingsError */
export function readWorkersSettings(environment: Environment) {
  const { values, summary } = readSettings(workersSchema, environment);
  const submitTimeoutMs = Math.max(values.SPID_SERVER_SUBMIT_TIMEOUT_MS, values.IDCLOUD_SUBMIT_TIMEOUT_MS);
  if (values.LEASE_MS <= submitTimeoutMs) {
    // A lease that ends during a send would have the same transaction sent by two workers.
    throw new SettingsError([{ setting: 'LEASE_MS', problem: 'expected more than every …_SUBMIT_TIMEOUT_MS' }]);
  }
  return {
    metrics: { host: values.METRICS_HOST, port: values.METRICS_PORT },
    ...houseSettings(values),
    concurrency: values.WORKER_CONCURRENCY,
    tickMs: values.TICK_MS,
    /** `HH:MM`. */
    resendDailyAt: values.RESEND_DAILY_AT,
    retentionDays: values.RETENTION_DAYS,
    archiveAfterDays: values.ARCHIVE_AFTER_DAYS,
    work: { submitTimeoutMs, leaseMs: values.LEASE_MS, settleMs: values.SETTLE_MS },
    summary,
  };
}

export type WorkersSettings = ReturnType<typeof readWorkersSettings>;
