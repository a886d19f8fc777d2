import path from 'node:path';
import { consume } from '@atesto/shared/queues/consume';
import { waitFor } from '../stack/wait-for.ts';
import { LARGE } from './bodies.ts';
import type { Door } from './callers.ts';
import { openChild } from './child.ts';
import { systemKey } from './doors.ts';
import { openInstallation } from './installation.ts';
import { median, spread, table } from './numbers.ts';
import { processorTime } from './processor.ts';
import { describeProfile, openProfiler, PROFILABLE } from './profile.ts';
import type { Measured } from './rows.ts';
import { openServers, type Place } from './servers.ts';
import { rate } from './submit-report.ts';
import { inTurns, ratiosOf } from './turns.ts';
import type { Uploads } from './uploaders.ts';

const CALLERS = 16;
const TURN_MS = 3_000;
const names = ['drain', 'files', 'sealed', 'capture', 'transaction'] as const;

/** Binary pictures: thrown away; written to files, in clear or sealed; sealed on disk and in the ledger; and made a transaction that is in line. Nobody sends. */
export async function measureIntake(
  options: Place & { rounds: number; profile: boolean },
): Promise<{ text: string; rows: Measured[] }> {
  const { dir, processes, rounds, report } = options;
  const servers = await openServers(options);
  const redis = servers.redisUrl();
  const installation = await openInstallation({
    dir: path.join(dir, 'intake'),
    database: await servers.postgres.createDatabase(),
    redis,
    processes,
    env: { SPID_SERVER_URL: 'http://127.0.0.1:9', SPID_SERVER_RATE: '0' },
  });
  processes.onStop(() => installation.close());
  const gateway = await installation.startGateway(PROFILABLE);
  const open = (main: string, name: string, args: readonly string[] = []) => {
    const child = openChild(main, args, path.join(dir, `${name}.log`));
    processes.onStop(() => child.stop());
    return child;
  };
  const drain = open('drain-server.ts', 'drain');
  const files = open('files-server.ts', 'files', [path.join(dir, 'files')]);
  const sealed = open('files-server.ts', 'sealed', [path.join(dir, 'sealed'), 'sealed']);
  const uploaders = open('uploaders.ts', 'uploaders');
  const door: Door = { url: gateway.url, headers: { authorization: `Bearer ${await systemKey(gateway)}` } };
  const doors = {
    drain: { door: { url: await drain.ask<string>('url'), headers: {} }, pid: drain.pid },
    files: { door: { url: await files.ask<string>('url'), headers: {} }, pid: files.pid },
    sealed: { door: { url: await sealed.ask<string>('url'), headers: {} }, pid: sealed.pid },
    capture: { door, pid: gateway.process.pid },
    transaction: { door, pid: gateway.process.pid },
  };

  let made = 0;
  const turn = async (name: (typeof names)[number]) => {
    const pids = { server: doors[name].pid, redis: servers.redis.pid, postgres: servers.postgres.pid };
    const time = () => Object.values(pids).map((pid) => processorTime(pid) ?? Number.NaN);
    const before = time();
    const uploads: Uploads = {
      door: doors[name].door,
      callers: CALLERS,
      forMs: TURN_MS,
      withTransaction: name === 'transaction',
    };
    const { count, seconds } = await uploaders.ask<{ count: number; seconds: number }>('closedLoop', uploads);
    if (name === 'transaction') made += count;
    const cpuUs = time().map((after, i) => (after - (before[i] as number)) / count);
    return { perSecond: count / seconds, cpuUs };
  };
  const found = await inTurns(names, rounds, turn, (round, of) =>
    report(`intake, ${round}: ${names.map((name) => `${name} ${of[name].perSecond.toFixed(0)}/s`).join(', ')}`),
  );
  const profile = options.profile
    ? await (await openProfiler(gateway.process)).during(() => turn('capture'))
    : undefined;
  const inLine = new Set<string>();
  const backend = { kind: 'redis', url: redis } as const;
  const consumer = consume(
    backend,
    { queue: 'spid', concurrency: 100, onError: (error) => report(error.message) },
    async (_name, { id }) => void inLine.add(id),
  );
  await waitFor(() => inLine.size === made, { what: `all ${made} transactions in line`, timeoutMs: 30_000 });
  await consumer.close();
  const cpu = (name: (typeof names)[number], at: number) =>
    median(found[name].map(({ cpuUs }) => cpuUs[at] ?? Number.NaN)).toFixed(0);
  return {
    text: [
      `Intake: ${rounds} rounds of ${TURN_MS / 1000} s, pictures of ${LARGE} bytes, ${CALLERS} callers; every transaction was in line at the end (${made}).`,
      'CPU µs per picture, median of the rounds:',
      '',
      table(
        ['what is done', 'server', 'Redis', 'PostgreSQL'],
        (
          [
            ['drain', 'read and thrown away by Fastify'],
            ['files', 'read, written to a file in clear, fsync: no more than that'],
            ['sealed', 'the same, hashed and sealed: nothing in a ledger'],
            ['capture', 'PUT: sealed, on disk, in the ledger'],
            ['transaction', 'PUT and POST: composed, sealed, on disk, in the ledger, in line'],
          ] as const
        ).map(([name, title]) => [title, cpu(name, 0), cpu(name, 1), cpu(name, 2)]),
      ),
      '',
      'What this disk allows, a file for each picture: files in clear come to',
      `${spread(ratiosOf(found.files, found.drain), 2)} of what is thrown away (${rate(found.files)}), hashed and sealed ones to ${spread(ratiosOf(found.sealed, found.drain), 2)} (${rate(found.sealed)}).`,
      `PUT comes to ${spread(ratiosOf(found.capture, found.sealed), 2)} of those.`,
      ...(profile ? ['', describeProfile('the gateway while pictures are uploaded', profile)] : []),
    ].join('\n'),
    rows: [
      {
        row: 'intakeCapture',
        values: ratiosOf(found.capture, found.drain),
        raw: `${rate(found.capture)} of ${rate(found.drain)}`,
      },
      {
        row: 'intakeTransaction',
        values: ratiosOf(found.transaction, found.drain),
        raw: `${rate(found.transaction)} of ${rate(found.drain)}`,
      },
    ],
  };
}
