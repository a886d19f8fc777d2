import { type IdcloudAccount, keyNamed } from '../contracts/idcloud-accounts.ts';
import type { TokenStore } from '../domain/token-store.ts';
import type { TransactionKind } from '../domain/transaction.ts';
import { createPool, type Timeouts } from './exchange.ts';
import { createIdcloudClient, type IdcloudClient } from './idcloud-client.ts';
import { type CallBudgets, createIdcloudConnection } from './idcloud-connection.ts';
import { createTokenSource, type TokenFailure } from './idcloud-token.ts';
import { createUnicoClient, type UnicoClient } from './idcloud-unico.ts';
import { createMemoryTokenStore } from './memory-token-store.ts';
import type { Upstream } from './upstream.ts';

/** The configured accounts of IDCloud, each with its clients. */
export interface IdcloudAccounts {
  /** What a transaction of this kind, account and key is sent with; undefined where that is not configured any more. */
  upstreamOf(row: {
    kind: TransactionKind;
    account?: string | undefined;
    keyName?: string | undefined;
  }): Upstream | undefined;
  /** By Client, with one of the account's keys. @throws RangeError where it is not configured */
  client(of: { account?: string | undefined; keyName?: string | undefined }): IdcloudClient;
  /** By Unico. @throws RangeError where the account has none */
  unico(of: { account?: string | undefined }): UnicoClient;
  close(): Promise<void>;
}

export interface IdcloudConnecting {
  /** Sockets at a time, of each host. */
  connections: number;
  timeouts: Timeouts;
  /** Where the processes of an installation share tokens; without it, this one keeps them for itself. */
  tokens?: TokenStore<TokenFailure>;
  /** Told where the token endpoint refuses an account in a way that a person has to mend or wait out. */
  onTokenRefused?: (account: string, why: TokenFailure) => void;
  now?: () => number;
  budgets?: CallBudgets;
}

export function createIdcloudAccounts(
  accounts: readonly IdcloudAccount[],
  {
    connections,
    timeouts,
    now = Date.now,
    budgets,
    onTokenRefused,
    tokens: store = createMemoryTokenStore(now),
  }: IdcloudConnecting,
): IdcloudAccounts {
  const clients = new Map<string, IdcloudClient>();
  const unicos = new Map<string, UnicoClient>();
  const opened: { close(): Promise<void> }[] = [];
  for (const account of accounts) {
    const { name, token, clientUrl, unicoUrl, keys } = account;
    const identity = createPool(new URL(token.tokenUrl), { connectMs: timeouts.connectMs, connections: 1 });
    const settings = {
      ...token,
      timeoutMs: timeouts.readMs,
      onRefused: (why: TokenFailure) => onTokenRefused?.(name, why),
    };
    const tokens = createTokenSource(name, identity, settings, store, now);
    const connection = createIdcloudConnection(account, tokens, { connections, timeouts, now, budgets });
    opened.push(connection, identity);
    if (unicoUrl !== undefined) unicos.set(name, createUnicoClient(connection));
    if (clientUrl === undefined) continue;
    for (const { name: keyName, apiKey } of keys) {
      clients.set(`${name}/${keyName}`, createIdcloudClient(connection, apiKey));
    }
  }

  const findClient = (of: { account?: string | undefined; keyName?: string | undefined }) => {
    const found = keyNamed(accounts, of);
    return found && clients.get(`${found.account.name}/${found.key.name}`);
  };
  const findUnico = ({ account }: { account?: string | undefined }) => unicos.get(account ?? '');
  const configured = <T>(found: T | undefined): T => {
    if (!found) throw new RangeError('an IDCloud account or key is not configured');
    return found;
  };
  const client: IdcloudAccounts['client'] = (of) => configured(findClient(of));
  const unico: IdcloudAccounts['unico'] = (of) => configured(findUnico(of));

  return {
    client,
    unico,
    upstreamOf: (row): Upstream | undefined => (row.kind === 'idcloud.unico' ? findUnico(row) : findClient(row)),
    async close() {
      await Promise.all(opened.map((one) => one.close()));
    },
  };
}
