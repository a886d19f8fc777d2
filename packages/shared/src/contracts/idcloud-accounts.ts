/** What a key (`APIKEY`) of IDCloud has: nothing in a request selects it. */
export const idcloudCapabilities = ['liveness', 'identity', 'validation', 'behaviour', 'score', 'documents'] as const;
export type IdcloudCapability = (typeof idcloudCapabilities)[number];

/** Editions of the documentation that differ in what is asynchronous and how results are named: B (2024, Portuguese), D (2025). */
export const idcloudEditions = ['B', 'D'] as const;
export type IdcloudEdition = (typeof idcloudEditions)[number];

/** A key of an account: a capability set. */
export interface IdcloudKey {
  /** Ours, for ledger and logs; the key itself is a secret. */
  name: string;
  apiKey: string;
  capabilities: readonly IdcloudCapability[];
  edition: IdcloudEdition;
  /** Takes only what the capture SDK made. */
  sdkOnly: boolean;
}

/** How IDCloud proves itself when it sends a notice. */
export type WebhookAuthentication =
  | { type: 'basic'; user: string; password: string }
  /** `header` is `authorization` where only a value was registered. */
  | { type: 'api-key'; header: string; value: string }
  /** Client credentials at a token endpoint of ours. */
  | { type: 'oauth2'; clientId: string; clientSecret: string };

/** A service account of IDCloud: one token, one budget, several keys. */
export interface IdcloudAccount {
  /** `[a-z0-9-]`, at most 32: it names the queue, the webhook's path and the label of metrics. */
  name: string;
  /** Root of by Client; undefined where the account has none. */
  clientUrl: string | undefined;
  /** Roots of by Unico and of its signature service. */
  unicoUrl: string | undefined;
  signUrl: string | undefined;
  token: { tokenUrl: string; audience?: string | undefined; account: string; tenantId: string; privateKey: string };
  keys: readonly IdcloudKey[];
  webhook: WebhookAuthentication | undefined;
  /** What was registered before, honoured too while a secret is changed. */
  webhookBefore?: WebhookAuthentication | undefined;
  /** Over all calls of the account; Unico's default is 10. */
  requestsPerSecond: number;
}

/** A key and whose it is. */
export interface IdcloudKeyOf {
  account: IdcloudAccount;
  key: IdcloudKey;
}

/** The account and key that an `APIKEY` header stands for. */
export function findKey(accounts: readonly IdcloudAccount[], apiKey: string): IdcloudKeyOf | undefined {
  for (const account of accounts) {
    const key = account.keys.find((one) => one.apiKey === apiKey);
    if (key) return { account, key };
  }
  return undefined;
}

/** The key of these names, as the ledger keeps them. */
export function keyNamed(
  accounts: readonly IdcloudAccount[],
  { account: accountName, keyName }: { account?: string | undefined; keyName?: string | undefined },
): IdcloudKeyOf | undefined {
  const account = accounts.find(({ name }) => name === accountName);
  const key = account?.keys.find(({ name }) => name === keyName);
  return account && key ? { account, key } : undefined;
}
