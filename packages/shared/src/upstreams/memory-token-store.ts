import { randomUUID } from 'node:crypto';
import type { SharedToken, TokenStore } from '../domain/token-store.ts';

interface Held<Failure> {
  version: number;
  token?: string;
  renewAt: number;
  expiresAt: number;
  lease?: { id: string; until: number };
  failure?: { why: Failure; until: number };
}

/** Tokens of one process, for clients that share with no other. */
export function createMemoryTokenStore<Failure>(now: () => number = Date.now): TokenStore<Failure> {
  const accounts = new Map<string, Held<Failure>>();
  const entry = (account: string): Held<Failure> => {
    const held = accounts.get(account) ?? { version: 0, renewAt: 0, expiresAt: 0 };
    accounts.set(account, held);
    return held;
  };
  const leased = (account: string, lease: string) => {
    const held = entry(account);
    return held.lease?.id === lease ? held : undefined;
  };
  return {
    async look(account, { leaseMs, refused }) {
      const held = entry(account);
      const at = now();
      const paused = held.failure && held.failure.until > at ? held.failure : undefined;
      const isDue = held.token === undefined || held.renewAt <= at || held.version === refused;
      const isTaken = held.lease !== undefined && held.lease.until > at;
      const mayFetch = isDue && !isTaken && !paused;
      if (mayFetch) held.lease = { id: randomUUID(), until: at + leaseMs };
      const token: SharedToken | undefined =
        held.token !== undefined && held.version !== refused && held.expiresAt > at
          ? {
              token: held.token,
              version: held.version,
              renewInMs: held.renewAt - at,
              expiresInMs: held.expiresAt - at,
            }
          : undefined;
      return {
        nowMs: at,
        ...(token && { token }),
        ...(paused && { failure: { why: paused.why, pauseMs: paused.until - at } }),
        ...(mayFetch && held.lease && { lease: held.lease.id }),
      };
    },
    async keep(account, lease, { token, renewInMs, expiresInMs }) {
      const held = leased(account, lease);
      if (!held) return undefined;
      const version = held.version + 1;
      accounts.set(account, { version, token, renewAt: now() + renewInMs, expiresAt: now() + expiresInMs });
      return version;
    },
    async fail(account, lease, { why, pauseMs }) {
      const held = leased(account, lease);
      if (!held) return;
      delete held.lease;
      held.failure = { why, until: now() + pauseMs };
    },
  };
}
