import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { applyEvent } from '@atesto/shared/ledger/transactions';
import type { Processes, ServiceProcess } from '../stack/processes.ts';
import { SOMEBODY } from './bodies.ts';
import { ALLOWED_PER_SECOND } from './budget-counts.ts';
import { openInstallation } from './installation.ts';
import { inParallel } from './variant.ts';

/** A process that was created before the window, and is not over. */
export interface Outstanding {
  id: string;
  ageMs: number;
}

/** Somebody who brings creates to IDCloud and asks for what is outstanding. */
export interface BudgetClient {
  /** Everything that is not counted: what is outstanding is known, what works is up. */
  prepare(outstanding: readonly Outstanding[]): Promise<void>;
  /** A person waits for this one. Resolves when it is out of the caller's hands. */
  offer(number: number): Promise<void>;
  close(): Promise<void>;
}

/** 100 KB, as a selfie has. The number stands in front. */
function bodyOf(number: number): Buffer {
  const image = 'A'.repeat(100_000);
  return Buffer.from(JSON.stringify({ subject: { code: SOMEBODY }, useCase: String(number), imageBase64: image }));
}

export interface AtestoSettings {
  upstream: string;
  redis: string;
  database: string;
  dir: string;
  processes: Processes;
  /** Processes of workers. */
  workers: number;
}

/** Ledger, vault and queue as the gateway fills them, and workers as they are started. */
export async function openAtestoClient(settings: AtestoSettings): Promise<BudgetClient> {
  const { upstream, redis, database, dir, processes } = settings;
  const keyFile = path.join(dir, 'budget.pem');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const installation = await openInstallation({
    dir: path.join(dir, 'budget'),
    database,
    redis,
    processes,
    accounts: ['idcloud'],
    env: {
      SPID_SERVER_URL: upstream,
      IDCLOUD_URL: upstream,
      IDCLOUD_TOKEN_URL: `${upstream}/token`,
      IDCLOUD_ACCOUNT: 'bench',
      IDCLOUD_TENANT: randomUUID(),
      IDCLOUD_PRIVATE_KEY_FILE: keyFile,
      IDCLOUD_API_KEY: 'bench',
      IDCLOUD_RATE: String(ALLOWED_PER_SECOND),
    },
  });
  const { db, queues } = installation;
  const started: ServiceProcess[] = [];

  const accept = async (number: number) =>
    installation.accept(await installation.seal(bodyOf(number)), {
      kind: 'idcloud.process',
      operation: 'createProcess',
      account: 'idcloud',
      keyName: 'default',
      operator: undefined,
      operatorVerification: undefined,
      capturedAt: undefined,
      dueInMs: 30_000,
    });

  async function makeOutstanding({ id, ageMs }: Outstanding): Promise<void> {
    const claimed = await applyEvent(db, await accept(0), { type: 'claimed' }, { dueInMs: 60_000 });
    if (!claimed) throw new Error('an outstanding process could not be claimed');
    await applyEvent(db, claimed, { type: 'taken', upstreamId: id, upstreamStatus: '1' }, { dueInMs: 60_000 });
    // As if it had been polled all along: its next poll is somewhere within its present wait.
    await db.query(
      `update transactions set accepted_at = now() - $2 * interval '1 millisecond',
        due_at = now() + $3 * interval '1 millisecond' where id = $1`,
      [claimed.id, ageMs, Math.random() * Math.max(2_000, Math.min(60_000, ageMs))],
    );
  }

  return {
    async prepare(outstanding) {
      await inParallel(outstanding, 10, makeOutstanding);
      await db.query('analyze');
      for (let i = 1; i <= settings.workers; i++) started.push(await installation.startWorkers());
    },
    async offer(number) {
      await queues.enqueue(await accept(number), 'personWaiting');
    },
    async close() {
      await Promise.all(started.map((workers) => workers.stop()));
      await installation.close();
    },
  };
}

/** Ages of what the obvious client asks for do not matter to it. */
const POLL_EVERY_MS = 2_000;

/** What is written first: `fetch`; after a 429 again when `Retry-After` is over; every outstanding process is asked for every two seconds. */
export function openObviousClient(upstream: string): BudgetClient {
  const stopping = new AbortController();
  const { signal } = stopping;
  const rest = (ms: number) => delay(ms, undefined, { signal });
  const headers = { authorization: 'Bearer bench', apikey: 'bench', 'content-type': 'application/json' };
  const running = new Set<Promise<void>>();
  const run = (work: () => Promise<void>) => {
    const one = work()
      .catch((error) => {
        if (!signal.aborted) console.error(error);
      })
      .finally(() => running.delete(one));
    running.add(one);
  };

  async function poll(id: string): Promise<void> {
    for (;;) {
      const answer = await fetch(`${upstream}/processes/v1/${id}`, { headers, signal });
      const body = (await answer.json()) as { status?: number };
      if (answer.ok && body.status === 3) return;
      await rest(POLL_EVERY_MS);
    }
  }

  async function create(number: number): Promise<void> {
    for (;;) {
      const answer = await fetch(`${upstream}/processes/v1`, { method: 'POST', headers, body: bodyOf(number), signal });
      const body = (await answer.json()) as { id: string; status?: number };
      if (answer.status === 429) await rest(Number(answer.headers.get('retry-after')) * 1_000);
      else if (body.status === 3) return;
      else return poll(body.id);
    }
  }

  return {
    async prepare(outstanding) {
      for (const { id } of outstanding) {
        run(async () => {
          await rest(Math.random() * POLL_EVERY_MS);
          await poll(id);
        });
      }
    },
    async offer(number) {
      run(() => create(number));
    },
    async close() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
