import * as z from 'zod';
import { SettingsError } from './settings.ts';

/** A host and a port. */
export interface RedisNode {
  host: string;
  port: number;
}

/** How a Redis is signed on to. */
export interface RedisCredentials {
  username?: string | undefined;
  password?: string | undefined;
  tls: boolean;
}

/** One server, a Cluster by some of its nodes, or whichever server some Sentinels call the master. */
export type RedisLocation =
  | { kind: 'redis'; url: string }
  | ({ kind: 'redis-cluster'; nodes: RedisNode[] } & RedisCredentials)
  | ({ kind: 'redis-sentinel'; nodes: RedisNode[]; master: string } & RedisCredentials);

const PORTS = { cluster: 6379, sentinel: 26_379 } as const;

/** `scheme://[user:password@]host:port,host:port[/master]`. A URL of several hosts is none to WHATWG's parser. */
const several =
  /^(?<scheme>rediss?)\+(?<kind>cluster|sentinel):\/\/(?:(?<username>[^:@/,\s]*):(?<password>[^:@/,\s]*)@)?(?<hosts>[^@/?#\s]+)(?:\/(?<master>[\w.-]+))?\/?$/;
const hostAndPort = /^(?<host>[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::(?<port>\d{1,5}))?$/;

/** @returns undefined where it is none */
function parse(text: string): RedisLocation | undefined {
  if (/^rediss?:\/\//.test(text))
    return URL.canParse(text) && !text.includes('#') ? { kind: 'redis', url: text } : undefined;
  const parts = several.exec(text)?.groups;
  const kind = parts?.kind as keyof typeof PORTS | undefined;
  if (!parts?.hosts || !kind) return undefined;
  const nodes = parts.hosts.split(',').map((one) => {
    const { host, port = String(PORTS[kind]) } = hostAndPort.exec(one)?.groups ?? {};
    return { host: host?.replace(/^\[|\]$/g, '') ?? '', port: Number(port) };
  });
  if (nodes.some(({ host, port }) => host === '' || port < 1 || port > 65_535)) return undefined;
  const credentials = {
    tls: parts.scheme === 'rediss',
    ...(parts.username && { username: decodeURIComponent(parts.username) }),
    ...(parts.password && { password: decodeURIComponent(parts.password) }),
  };
  if (kind === 'cluster')
    return parts.master === undefined ? { kind: 'redis-cluster', nodes, ...credentials } : undefined;
  return parts.master === undefined
    ? undefined
    : { kind: 'redis-sentinel', nodes, master: parts.master, ...credentials };
}

/** Where Redis is. User and password are percent-encoded, as in any URL. */
export const redisUrl: z.ZodType<RedisLocation, string> = z
  .string()
  .trim()
  .transform((text, context) => {
    let location: RedisLocation | undefined;
    try {
      location = parse(text);
    } catch {
      // A percent sign that encodes nothing.
    }
    if (location) return location;
    context.addIssue({ code: 'custom', message: 'no location' });
    return z.NEVER;
  })
  .describe(
    '`redis://…` for one server, `redis+cluster://[user:password@]host:port,host:port,…` for a Cluster, ' +
      '`redis+sentinel://[user:password@]host:port,host:port,…/master` for Sentinels and the name of their master; `rediss…` over TLS',
  );

/** @param policy what Redis does when its memory is full, where that is not to refuse what comes. @throws SettingsError for any */
export function refuseEviction(policy: string | undefined): void {
  if (policy === undefined) return;
  const problem = `this Redis evicts keys when its memory is full (${policy}), and the queue's with them; expected maxmemory-policy noeviction`;
  throw new SettingsError([{ setting: 'REDIS_URL', problem }]);
}
