import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { call } from './call.ts';
import { idcloudKeys, idcloudSimulatorArguments, writeIdcloudAccounts } from './idcloud.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import type { Processes, ServiceProcess } from './processes.ts';
import { StackError } from './stack-error.ts';

const root = path.resolve(import.meta.dirname, '../..');

export interface HouseOptions {
  /** Everything of the house lies here: keys, vault, logs of the services. */
  dir: string;
  processes: Processes;
  /** Where PostgreSQL keeps its data between runs; without it a temporary folder. */
  postgresDir?: string;
  /** Milliseconds until the simulated SPID Server has decided an enrolment. */
  enrollDelayMs?: number;
  /** Port of the gateway; a free one by default. */
  gatewayPort?: number;
  /** Settings of gateway and workers over the house's own. A `SPID_PROFILE` is the stations' and the simulator's too. */
  env?: Record<string, string>;
  report?: (line: string) => void;
}

/** Every service as a process of its own, on embedded defaults, before simulated platforms. */
export interface House {
  gateway: { url: string; process: ServiceProcess };
  workers: ServiceProcess;
  spid: { url: string };
  /** Keys by their names in the accounts file. */
  idcloud: { url: string; keys: typeof idcloudKeys };
  /** Of the administrator; undefined on a ledger that had one already. */
  administratorKey: string | undefined;
  /** Ends the gateway where it runs, and starts it again on the same port. */
  restartGateway(): Promise<void>;
  /** A virtual station enrolled with `code`, or as before where it has its key. */
  startStation(options: StationOptions): Promise<Station>;
  /** Calls the gateway's native API. @throws StackError for anything but 2xx */
  api<T>(key: string, method: 'GET' | 'POST' | 'DELETE', route: string, json?: unknown): Promise<T>;
}

export interface StationOptions {
  name: string;
  code?: string;
  port?: number;
  env?: Record<string, string>;
}

export interface Station {
  /** SPID Services on the station, as an integrator's program sees it. */
  url: string;
  /** The virtual person's side: fingers and plugs. */
  handUrl: string;
  process: ServiceProcess;
}

/** Brings up database, simulators, gateway and workers, in this order. What is started is ended by `processes`. */
export async function openHouse(options: HouseOptions): Promise<House> {
  const { dir, processes, report = () => {} } = options;
  await mkdir(dir, { recursive: true });
  const databaseUrl = options.env?.DATABASE_URL ?? (await ownDatabase(options));

  report('simulators of SPID Server and IDCloud');
  const simulator = async (name: string, args: string[]) => {
    const main = path.join(root, 'test/simulators/src/main.ts');
    const ready = { line: /http:\/\/127\.0\.0\.1:\d+/ };
    const started = await processes.start({ name: `simulator-${name}`, main, args: [name, ...args], ready });
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(started.output())?.[0];
    if (!url) throw new StackError('failed', `the ${name} simulator did not say where it listens`);
    return url;
  };
  const privateKeyFile = path.join(dir, 'idcloud-account.pem');
  const profile = options.env?.SPID_PROFILE;
  const [spidUrl, idcloudUrl] = await Promise.all([
    simulator('spid-server', [
      ...['--enroll-delay', String(options.enrollDelayMs ?? 2_000)],
      ...(profile ? ['--profile', profile] : []),
    ]),
    simulator('idcloud', idcloudSimulatorArguments(privateKeyFile)),
  ]);

  const accounts = await writeIdcloudAccounts(dir, idcloudUrl, privateKeyFile);
  const port = options.gatewayPort ?? (await freePort());
  const env = {
    DATABASE_URL: databaseUrl,
    VAULT_URL: `file:${path.join(dir, 'vault')}`,
    ATESTO_STATE_DIR: path.join(dir, 'state'),
    SPID_SERVER_URL: spidUrl,
    // Accounts are given in one way: where the settings name a single one, it is that.
    ...(options.env?.IDCLOUD_URL === undefined && { IDCLOUD_ACCOUNTS: accounts.file }),
    ...options.env,
  };
  const startGateway = () =>
    processes.start({
      name: 'gateway',
      main: path.join(root, 'packages/gateway/src/main.ts'),
      env: { ...env, PORT: String(port) },
      ready: { event: 'gateway-listening' },
    });
  report('gateway');
  const gateway = { url: `http://127.0.0.1:${port}`, process: await startGateway() };
  await accounts.register(gateway.url);
  report('workers');
  const workers = await processes.start({
    name: 'workers',
    main: path.join(root, 'packages/workers/src/main.ts'),
    env: { ...env, METRICS_PORT: String(await freePort()) },
    ready: { event: 'workers-started' },
  });

  return {
    gateway,
    workers,
    spid: { url: spidUrl },
    idcloud: { url: idcloudUrl, keys: idcloudKeys },
    administratorKey: /Administrator key, shown this once: (\S+)/.exec(gateway.process.output())?.[1],
    async restartGateway() {
      await gateway.process.stop();
      gateway.process = await startGateway();
    },
    async startStation({ name, code, port: wanted, env: stationEnv }) {
      const [stationPort, handPort] = [wanted ?? (await freePort()), await freePort()];
      const process = await processes.start({
        name: `station-${name}`,
        main: path.join(import.meta.dirname, 'virtual-station.ts'),
        env: {
          GATEWAY_URL: gateway.url,
          PORT: String(stationPort),
          HAND_PORT: String(handPort),
          ATESTO_STATE_DIR: path.join(dir, `station-${name}`),
          LOG_LEVEL: 'debug',
          SPID_PROFILE: profile,
          ...(code === undefined ? {} : { ENROLMENT_CODE: code }),
          ...stationEnv,
        },
        ready: { event: 'hand-listening' },
      });
      return { url: `http://127.0.0.1:${stationPort}`, handUrl: `http://127.0.0.1:${handPort}`, process };
    },
    async api<T>(key: string, method: 'GET' | 'POST' | 'DELETE', route: string, json?: unknown): Promise<T> {
      const answer = await call(method, `${gateway.url}${route}`, {
        headers: { authorization: `Bearer ${key}` },
        json,
      });
      if (answer.status >= 300) throw new StackError('failed', `${method} ${route} was answered with ${answer.status}`);
      return JSON.parse(answer.body.toString()) as T;
    },
  };
}

async function ownDatabase({ processes, postgresDir, report = () => {} }: HouseOptions): Promise<string> {
  report('PostgreSQL');
  const postgres = await startPostgres(postgresDir === undefined ? { fsync: true } : { dataDir: postgresDir });
  processes.onStop(() => postgres.stop());
  return postgres.url;
}
