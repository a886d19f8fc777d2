import type { IdcloudCapability, IdcloudEdition, IdcloudKey } from '@atesto/shared/contracts/idcloud-accounts';
import { Budget } from './budget.ts';
import { type Registration, type WebhookRegistration, webhookRegistration } from './webhooks.ts';

/** A key of an account: what it can do, in which edition, and whether it takes only what the capture SDK made. */
export type SimulatedKey = Pick<IdcloudKey, 'apiKey' | 'capabilities' | 'edition' | 'sdkOnly'>;

/** What may be wrong with an account, and the code that the token endpoint then says. */
export const accountStates = {
  active: undefined,
  'application-inactive': '1.0.14',
  'key-retired': '1.2.6',
  inactive: '1.2.11',
  forbidden: '1.2.14',
} as const;
export type AccountState = keyof typeof accountStates;

export interface AccountOptions {
  /** The service account and its public key (PEM). */
  account: string;
  tenantId: string;
  publicKey: string;
  /** Keys that are known. A bare text is a key with liveness and identity verification in edition D. */
  apiKeys: readonly (string | SimulatedKey)[];
  /** Over all calls of by Client and by Unico; Unico's default is 10. 0 is no limit. */
  requestsPerSecond?: number | undefined;
  /** Flows of by Unico that it has keys for; all by default. */
  flows?: readonly string[] | undefined;
  state?: AccountState | undefined;
  webhook?: WebhookRegistration | undefined;
}

/** A service account as the simulator holds it. */
export interface Account {
  name: string;
  tenantId: string;
  publicKey: string;
  keys: readonly SimulatedKey[];
  flows: readonly string[] | undefined;
  budget: Budget;
  state: AccountState;
  webhook: Registration | undefined;
}

/** @throws ZodError where the webhook is no registration */
export function openAccount(options: AccountOptions, bareKeysWantSdk: boolean, now: () => number): Account {
  const bare: Omit<SimulatedKey, 'apiKey'> = {
    capabilities: ['liveness', 'identity'],
    edition: 'D',
    sdkOnly: bareKeysWantSdk,
  };
  return {
    name: options.account,
    tenantId: options.tenantId,
    publicKey: options.publicKey,
    keys: options.apiKeys.map((key) => (typeof key === 'string' ? { ...bare, apiKey: key } : key)),
    flows: options.flows,
    budget: new Budget(options.requestsPerSecond ?? 10, now),
    state: options.state ?? 'active',
    webhook: options.webhook && webhookRegistration.parse(options.webhook),
  };
}

export function can(key: SimulatedKey, capability: IdcloudCapability): boolean {
  return key.capabilities.includes(capability);
}

export function isEdition(key: SimulatedKey, edition: IdcloudEdition): boolean {
  return key.edition === edition;
}
