import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TransactionState } from '@atesto/shared/domain/transaction';
import { type FakeClock, findFaketime, openFakeClock } from '../stack/faketime.ts';
import { freePort } from '../stack/ports.ts';
import { type Postgres, startPostgres } from '../stack/postgres.ts';
import { startRedis } from '../stack/redis.ts';
import { findRedis } from '../stack/redis-source.ts';
import { waitFor } from '../stack/wait-for.ts';
import { type Answer, bodyOf, deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import type { Asked, ClientStep, History } from './history.ts';
import { type Create, createsOf, postCreate } from './idcloud-creates.fixture.ts';
import { type FaultProxy, openProxy } from './proxy.ts';
import { readEvidence } from './read-evidence.ts';
import { type MortalRedis, openMortalRedis } from './redis.fixture.ts';
import { untilAllSettled, untilErased } from './settling.fixture.ts';

export type Backend = 'postgres' | 'redis';

export interface SceneOptions {
  /** Settings of gateway and workers. */
  env?: Record<string, string>;
  /** A PostgreSQL of its own, which the scenario may kill. */
  ownLedger?: boolean;
  /** A vault on a disk of one megabyte. */
  smallVault?: boolean;
  /** Several Redis servers in the place of the one, and their URL. Undefined where there is no program. */
  redis?: (closers: AsyncDisposableStack) => Promise<{ url: string; servers: readonly MortalRedis[] } | undefined>;
  /** By how many seconds the clock of gateway and workers is off. */
  clockSeconds?: number;
  /** Milliseconds until the platform decides an enrolment; 0 by default: at the first look. */
  enrollDelayMs?: number;
}

/** The machine lacks what a scenario needs; it says nothing about the product. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}

/** Clients that deliver one enrolment after the other, each waiting for its answer. */
export interface Load {
  acknowledged(): number;
  unanswered(): number;
  /** Resolves when so many more are acknowledged. */
  more(count: number, what?: string): Promise<void>;
  stop(): Promise<void>;
  /** When each client is through with its last enrolment: after `stop`, or when the scene is closed. */
  ended: Promise<unknown>;
}

/** The house under test, the lines into it, and the history that is being written. */
export interface Scene {
  house: FaultHouse;
  /** From gateway and workers to the simulated SPID Server. */
  line: FaultProxy;
  /** Present where the queue is in Redis; services reach it over `redisLine`. It keeps an append-only file in `dir`. */
  redis: (MortalRedis & { dir: string; line: FaultProxy }) | undefined;
  /** All Redis servers that there are, Sentinels aside. */
  redisServers: readonly MortalRedis[];
  /** Present with `ownLedger`. */
  ledger: { kill(): Promise<void>; restart(): Promise<void> } | undefined;
  /** Where sealed bodies lie. `grow` gives a small one room. */
  vault: {
    folder: string;
    grow(): void;
    /** The file of a sealed body. @throws where there is none */
    fileOf(record: string): Promise<string>;
  };
  /** With `clockSeconds`: the clock of gateway and workers, and how another one is had. */
  clock: (FakeClock & { another(seconds: number): Promise<FakeClock> }) | undefined;
  /** Delivers so many new enrolments at once. */
  deliver(count: number): Promise<Answer[]>;
  /** Delivers one again, or another under its id. */
  again(enrolment: Enrolment): Promise<Answer>;
  next(): Enrolment;
  /** Asks for the erasure of one. @returns the state in which it is then; undefined where there was no answer */
  erase(id: string): Promise<TransactionState | undefined>;
  /** The same for creates of IDCloud. */
  nextCreate(): Create;
  create(create: Create): Promise<Answer>;
  load(clients: number): Load;
  /** The fault met something. */
  met(times?: number): void;
  /** Waits until `probe` shows the fault; what it returns waits until it no longer does. */
  shown(name: string, probe: () => Promise<boolean>): Promise<() => Promise<void>>;
  /** Asks again for what got no answer, waits for every end, and reads what both ends and the services hold. */
  finish(): Promise<History>;
}

/** @param closers takes what ends the scene, however far its opening came */
export async function openScene(
  backend: Backend,
  seed: string,
  options: SceneOptions,
  closers: AsyncDisposableStack,
): Promise<Scene> {
  const line = await openProxy();
  closers.defer(() => line.close());
  const several = await options.redis?.(closers);
  if (options.redis && !several) throw new NotHere('no Redis: install redis-server or valkey-server');
  const redis = backend === 'redis' && !several ? await openRedis(closers) : undefined;
  const redisServers = several?.servers ?? (redis ? [redis] : []);
  const ledger = options.ownLedger ? await openLedger(closers) : undefined;
  const disk = options.smallVault ? await mountSmallDisk(closers) : undefined;
  const clock = options.clockSeconds === undefined ? undefined : await openClock(options.clockSeconds, closers);
  const house = await openFaultHouse({
    ...(ledger && { makeDatabase: () => ledger.createDatabase() }),
    ...(options.enrollDelayMs !== undefined && { enrollDelayMs: options.enrollDelayMs }),
    env: {
      ...clock?.env,
      SPID_SERVER_URL: `http://127.0.0.1:${line.port}`,
      ...(redis && { REDIS_URL: `redis://127.0.0.1:${redis.line.port}` }),
      ...(several && { REDIS_URL: several.url }),
      ...(disk && { VAULT_URL: `file:${disk.folder}` }),
      ...options.env,
    },
  });
  closers.defer(() => house.close());
  line.retarget(Number(new URL(house.spid.url).port));
  const place = disk ?? { folder: path.join(house.dir, 'vault'), grow: () => undefined };
  const vault = { ...place, fileOf: (record: string) => fileIn(place.folder, record) };
  const closing = new AbortController();
  closers.defer(() => closing.abort());
  return {
    ...writeHistory(house, seed, redisServers, closing.signal),
    house,
    line,
    redis,
    redisServers,
    ledger,
    vault,
    clock,
  };
}

/** Something that a client asks for, under an id of its own. */
interface Request {
  asked: Asked;
  /** What must not show of it. */
  markers: string[];
  send(): Promise<Answer>;
}

function writeHistory(house: FaultHouse, seed: string, redisServers: readonly MortalRedis[], closing: AbortSignal) {
  const requests = new Map<string, Request>();
  /** What the gateway calls what a client calls otherwise. */
  const names = new Map<string, string>();
  const client: { id: string; step: ClientStep }[] = [];
  const problems: { where: string; text: string }[] = [];
  const eraseAsked = new Set<string>();
  const signals: { name: string; during: boolean; after: boolean }[] = [];
  let met = 0;
  const next = enrolmentsOf(seed);
  const nextCreate = createsOf(seed);

  /** The first one under an id is what is asked for; another one under it has to be refused. */
  async function ask(id: string, request: Request): Promise<Answer> {
    if (!requests.has(id)) requests.set(id, request);
    client.push({ id, step: 'invoke' });
    const answer = await request.send();
    if (answer.id !== undefined) names.set(id, answer.id);
    const refused = answer.status !== undefined && answer.status >= 400 && answer.status < 500;
    client.push({ id, step: answer.acknowledged ? 'ok' : refused ? 'fail' : 'unknown' });
    if (!answer.acknowledged) problems.push({ where: `an answer ${answer.status}`, text: answer.text ?? '' });
    return answer;
  }

  const again = (enrolment: Enrolment) =>
    ask(enrolment.id, {
      asked: { key: `${enrolment.cpf} ${enrolment.capturedAt}`, sha256: sha256Of(JSON.stringify(bodyOf(enrolment))) },
      markers: [enrolment.cpf, enrolment.picture.toString('base64')],
      send: () => deliver(house, enrolment),
    });

  const scene = {
    next,
    nextCreate,
    again,
    create: (create: Create) =>
      ask(create.idempotencyKey, {
        asked: { key: `idcloud ${create.cpf}`, sha256: sha256Of(create.body) },
        // All have the same face.
        markers: [create.cpf, create.body.slice(-4_000, -100)],
        send: () => postCreate(house, house.key, create),
      }),
    deliver: (count: number) => Promise.all(Array.from({ length: count }, () => again(next()))),
    async erase(id: string): Promise<TransactionState | undefined> {
      const response = await fetch(`${house.gateway.url}/v1/transactions/${id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${house.key}` },
      }).catch(() => undefined);
      if (!response?.ok) return undefined;
      eraseAsked.add(id);
      return ((await response.json()) as { state: TransactionState }).state;
    },
    load(clients: number): Load {
      let stopped = false;
      let acknowledged = 0;
      let unanswered = 0;
      const run = async () => {
        while (!stopped && !closing.aborted) {
          const answer = await again(next());
          if (answer.acknowledged) acknowledged++;
          else {
            unanswered++;
            // The pace of a caller that was turned away.
            await delay(500);
          }
        }
      };
      const ended = Promise.all(Array.from({ length: clients }, run));
      return {
        acknowledged: () => acknowledged,
        unanswered: () => unanswered,
        async more(count, what = 'acknowledged enrolments') {
          const goal = acknowledged + count;
          await waitFor(() => acknowledged >= goal, { what });
        },
        async stop() {
          stopped = true;
          await ended;
        },
        ended,
      };
    },
    met(times = 1) {
      met += times;
    },
    async shown(name: string, probe: () => Promise<boolean>) {
      const signal = { name, during: false, after: true };
      signals.push(signal);
      await waitFor(probe, { what: `${name} to be shown`, timeoutMs: 15_000 });
      signal.during = true;
      return async () => {
        await waitFor(async () => !(await probe()), { what: `${name} to be over`, timeoutMs: 15_000 });
        signal.after = false;
      };
    },
    async finish(): Promise<History> {
      const settledWith = new Set(client.flatMap(({ id, step }) => (step === 'ok' || step === 'fail' ? [id] : [])));
      const open = [...requests].filter(([id]) => !settledWith.has(id));
      await waitFor(
        async () => {
          const answers = await Promise.all(open.map(([id, request]) => ask(id, request)));
          for (const [at, { acknowledged }] of [...answers.entries()].reverse()) if (acknowledged) open.splice(at, 1);
          return open.length === 0;
        },
        { what: 'an answer to what had none', timeoutMs: 15_000, everyMs: 200 },
      );
      await untilAllSettled(house.db, 40_000);
      await untilErased(house.db, eraseAsked);
      const evidence = await readEvidence(house, redisServers);
      const nameOf = (id: string) => names.get(id) ?? id;
      return {
        ...evidence,
        asked: new Map([...requests].map(([id, request]) => [nameOf(id), request.asked])),
        eraseAsked,
        client: client.map(({ id, step }) => ({ id: nameOf(id), step })),
        markers: [...new Set([...requests.values()].flatMap(({ markers }) => markers)), house.key],
        texts: [...evidence.texts, ...problems],
        signals,
        met,
      };
    },
  };
  return scene;
}

async function fileIn(folder: string, name: string): Promise<string> {
  const found = (await readdir(folder, { recursive: true })).find((one) => path.basename(one) === name);
  if (found === undefined) throw new Error('a sealed body that is not in the vault');
  return path.join(folder, found);
}

const sha256Of = (body: string) => createHash('sha256').update(body).digest('hex');

async function openClock(seconds: number, closers: AsyncDisposableStack) {
  const library = await findFaketime((line) => process.stdout.write(`${line}\n`));
  if (library === undefined) throw new NotHere('no clock can be put off: install faketime');
  const dir = await mkdtemp(path.join(tmpdir(), 'atesto-faults-clock-'));
  closers.defer(() => rm(dir, { recursive: true, force: true }));
  let clocks = 0;
  const another = (offset: number) => openFakeClock(library, path.join(dir, `clock-${++clocks}`), offset);
  return { ...(await another(seconds)), another };
}

async function openRedis(closers: AsyncDisposableStack) {
  // Installs the program where there is none.
  if (!findRedis()) await (await startRedis()).stop();
  const dir = await mkdtemp(path.join(tmpdir(), 'atesto-faults-redis-'));
  closers.defer(() => rm(dir, { recursive: true, force: true }));
  const redis = await openMortalRedis(dir, { keeps: true });
  if (!redis) throw new NotHere('no Redis: install redis-server or valkey-server');
  closers.defer(() => redis.stop());
  const line = await openProxy(redis.port);
  closers.defer(() => line.close());
  return { ...redis, dir, line };
}

async function openLedger(closers: AsyncDisposableStack) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'atesto-faults-ledger-'));
  closers.defer(() => rm(dataDir, { recursive: true, force: true }));
  // The server may run under an account of its own.
  await chmod(dataDir, 0o755);
  const port = await freePort();
  let postgres: Postgres = await startPostgres({ dataDir, port });
  closers.defer(() => postgres.stop());
  return {
    createDatabase: () => postgres.createDatabase(),
    async kill() {
      process.kill(postgres.pid as number, 'SIGKILL');
      await postgres.stop();
    },
    async restart() {
      postgres = await startPostgres({ dataDir, port });
    },
  };
}

async function mountSmallDisk(closers: AsyncDisposableStack) {
  const folder = await mkdtemp(path.join(tmpdir(), 'atesto-faults-disk-'));
  closers.defer(() => rm(folder, { recursive: true, force: true }));
  const mount = (options: string) =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { encoding: 'utf8' });
  const mounted = mount('size=1m');
  if (mounted.status !== 0) throw new NotHere(`no small disk can be mounted: ${mounted.stderr?.trim()}`);
  closers.defer(() => void spawnSync('umount', [folder]));
  return { folder, grow: () => void mount('remount,size=64m') };
}
