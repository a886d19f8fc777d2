import { Cluster, Redis } from 'ioredis';

interface Credentials {
  username?: string | undefined;
  password?: string | undefined;
  tls: boolean;
}

/** One Redis server, a Cluster by some of its nodes, or whichever server some Sentinels call the master. */
export type RedisBackend =
  | { kind: 'redis'; url: string }
  | ({ kind: 'redis-cluster'; nodes: { host: string; port: number }[] } & Credentials)
  | ({
      kind: 'redis-sentinel';
      nodes: { host: string; port: number }[];
      master: string;
      /** Of the Sentinels themselves. */
      sentinelPassword?: string | undefined;
    } & Credentials);

export type RedisConnection = Redis | Cluster;

/** A node that does not answer is not waited for longer: a failover has put another one in its place by then. */
const CONNECT_TIMEOUT_MS = 5_000;

/** ioredis' own would let a second of outage become five of idleness, and a scrape wait for them. Spread, so that not all come back at once. */
const retryStrategy = (times: number) => Math.min(times * 50, 500) + Math.random() * 200;

/**
 * A queue's keys lie in one slot of a Cluster, each queue's in another: BullMQ's scripts touch several keys of one queue and never those of two. The
 * same keys are used on a single server.
 */
export function prefixOf(queue: string): string {
  return `{atesto:${queue}}`;
}

/** The producers' connection. Fails fast: a caller at the door does not wait for a queue that is away. */
export function connectProducer(backend: RedisBackend): RedisConnection {
  return connect(backend, { maxRetriesPerRequest: 1, connectTimeout: CONNECT_TIMEOUT_MS });
}

/** A worker's connection, that outlasts an outage. BullMQ makes a second one of it, which blocks. */
export function connectWorker(backend: RedisBackend): RedisConnection {
  return connect(backend, { maxRetriesPerRequest: null, connectTimeout: CONNECT_TIMEOUT_MS });
}

function connect(
  backend: RedisBackend,
  options: { maxRetriesPerRequest: number | null; connectTimeout: number },
): RedisConnection {
  if (backend.kind === 'redis') return new Redis(backend.url, { ...options, retryStrategy });
  const { username, password, tls, nodes } = backend;
  const signedOn = {
    ...options,
    ...(username && { username }),
    ...(password && { password }),
    ...(tls && { tls: {} }),
  };
  if (backend.kind === 'redis-cluster') {
    return new Cluster(nodes, {
      redisOptions: signedOn,
      // What waits in it waits as long as the Cluster is away, however few retries a request may have.
      enableOfflineQueue: options.maxRetriesPerRequest === null,
      // A certificate names hosts: an address that was looked up here is in none.
      ...(tls && {
        dnsLookup: (address: string, found: (error: null, address: string) => void) => found(null, address),
      }),
    });
  }
  const { master: name, sentinelPassword } = backend;
  return new Redis({
    ...signedOn,
    retryStrategy,
    sentinels: nodes,
    name,
    ...(sentinelPassword && { sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
  });
}
