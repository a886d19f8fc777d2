import { setTimeout as delay } from 'node:timers/promises';
import type { WebhookAuthentication } from '@atesto/shared/contracts/idcloud-accounts';
import type { idcloudNotice } from '@atesto/shared/contracts/idcloud-unico';
import * as z from 'zod';
import { type Random, random } from '../people/random.ts';

const authentication = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('basic'), user: z.string(), password: z.string() }),
  z.strictObject({ type: z.literal('api-key'), header: z.string().default('authorization'), value: z.string() }),
  z.strictObject({ type: z.literal('oauth2'), clientId: z.string(), clientSecret: z.string() }),
]) satisfies z.ZodType<WebhookAuthentication>;

/** Where an account's notices go and how they get there. */
export const webhookRegistration = z.strictObject({
  url: z.url(),
  authentication: authentication.optional(),
  /** Where an `oauth2` registration gets its tokens (client credentials). */
  tokenUrl: z.url().optional(),
  maxAttempts: z.int().min(1).default(5),
  /** Before the second attempt; doubled for each one after it. */
  intervalMs: z.int().min(0).default(1_000),
  timeoutMs: z.int().min(1).default(5_000),
  /** Chance that a notice is sent a second time though it arrived. */
  duplicates: z.number().min(0).max(1).default(0),
  /** Each sending waits for a drawn part of this: they overtake one another. */
  spreadMs: z.int().min(0).default(0),
  /** By Client: an asynchronous process is finished, and its notice delivered, before create is answered. */
  beforeAnswer: z.boolean().default(false),
});
export type WebhookRegistration = z.input<typeof webhookRegistration>;
export type Registration = z.output<typeof webhookRegistration>;
export type Notice = z.infer<typeof idcloudNotice>;

/** One attempt to deliver; `status` is undefined where nobody answered. */
export interface Delivery {
  processId: string;
  attempt: number;
  status: number | undefined;
}

export interface WebhookOptions {
  seed: string;
  closing: AbortSignal;
}

/** Sends notices: at least once, each until a 2xx or its last attempt. */
export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #random: Random;
  readonly #tokens = new Map<string, string>();
  readonly #under = new Set<Promise<void>>();
  /** Every attempt so far, oldest first. */
  readonly deliveries: Delivery[] = [];

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#random = random(`webhooks ${options.seed}`);
  }

  /** Sends a notice, and its duplicate where one is drawn. Resolves when it has arrived or been given up; nobody has to wait for that. */
  async notify(registration: Registration, notice: Notice): Promise<void> {
    const copies = this.#random.chance(registration.duplicates) ? 2 : 1;
    const sendings = Array.from({ length: copies }, () => this.#deliver(registration, notice));
    const all = Promise.all(sendings).then(() => {});
    this.#under.add(all);
    await all;
    this.#under.delete(all);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#under.size > 0) await Promise.all(this.#under);
  }

  async #deliver(registration: Registration, notice: Notice): Promise<void> {
    const { closing } = this.#options;
    let pause = registration.spreadMs * this.#random.next();
    for (let attempt = 1; attempt <= registration.maxAttempts && !closing.aborted; attempt++) {
      if (pause > 0) await delay(pause, undefined, { signal: closing }).catch(() => {});
      const status = await this.#post(registration, notice);
      this.deliveries.push({ processId: notice.processId, attempt, status });
      if (status !== undefined && status >= 200 && status < 300) return;
      pause = registration.intervalMs * 2 ** (attempt - 1);
    }
  }

  async #post(registration: Registration, notice: Notice): Promise<number | undefined> {
    try {
      const proof = await this.#proof(registration);
      const answer = await fetch(registration.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...proof },
        body: JSON.stringify(notice),
        signal: this.#patience(registration),
      });
      await answer.arrayBuffer();
      if (answer.status === 401) this.#tokens.delete(registration.url);
      return answer.status;
    } catch {
      return undefined;
    }
  }

  async #proof(registration: Registration): Promise<Record<string, string>> {
    const { authentication: how } = registration;
    switch (how?.type) {
      case undefined:
        return {};
      case 'basic':
        return { authorization: basic(how.user, how.password) };
      case 'api-key':
        return { [how.header]: how.value };
      case 'oauth2':
        return { authorization: `Bearer ${await this.#token(registration, how.clientId, how.clientSecret)}` };
      default:
        return how satisfies never;
    }
  }

  /** Asked for once and used until it is refused. */
  async #token(registration: Registration, clientId: string, clientSecret: string): Promise<string> {
    const held = this.#tokens.get(registration.url);
    if (held !== undefined) return held;
    if (registration.tokenUrl === undefined) throw new RangeError('An oauth2 registration needs a tokenUrl.');
    const answer = await fetch(registration.tokenUrl, {
      method: 'POST',
      headers: { authorization: basic(clientId, clientSecret) },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      signal: this.#patience(registration),
    });
    const { access_token: token } = z.object({ access_token: z.string() }).parse(await answer.json());
    this.#tokens.set(registration.url, token);
    return token;
  }

  #patience({ timeoutMs }: Registration): AbortSignal {
    return AbortSignal.any([this.#options.closing, AbortSignal.timeout(timeoutMs)]);
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
