import { createHash, timingSafeEqual } from 'node:crypto';
import type { WebhookAuthentication } from '@atesto/shared/contracts/idcloud-accounts';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import * as z from 'zod';
import { CLOCK_TOLERANCE_MS } from './clock-tolerance.ts';

/** How long a token of ours is good for; another gateway's clock may judge it, so it is honoured for the tolerance longer. */
export const TOKEN_SECONDS = 600;

type Headers = Readonly<Record<string, string | string[] | undefined>> & { authorization?: string | undefined };
type ClientCredentials = Extract<WebhookAuthentication, { type: 'oauth2' }>;

/** Whether a notice proves whose it is, in the way that was registered for its account. */
export function isAuthentic(
  keyRing: Pick<KeyRing, 'mac'>,
  account: string,
  authentication: WebhookAuthentication,
  headers: Headers,
  nowMs: number,
): boolean {
  switch (authentication.type) {
    case 'basic':
      return isSame(headers.authorization, basic(authentication.user, authentication.password));
    case 'api-key':
      return isSame(headers[authentication.header], authentication.value);
    case 'oauth2':
      return isOurToken(keyRing, account, authentication, headers.authorization, nowMs);
    default:
      return authentication satisfies never;
  }
}

/** A short-lived token for a client that has proved itself: its end, signed. It dies with the secret that it was given for. */
export function issueToken(
  keyRing: Pick<KeyRing, 'mac'>,
  account: string,
  credentials: ClientCredentials,
  nowMs: number,
): string {
  const end = Math.floor(nowMs / 1000) + TOKEN_SECONDS;
  return `${end}.${signature(keyRing, account, credentials, end)}`;
}

const credentialsForm = z.object({
  grant_type: z.string(),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
});

/**
 * What a token request is worth (RFC 6749, section 4.4): credentials in the body or as Basic.
 * @returns undefined where they are right, else the error's code
 */
export function tokenRequestError(
  credentials: ClientCredentials,
  form: Record<string, unknown>,
  authorization: string | undefined,
): 'invalid_request' | 'unsupported_grant_type' | 'invalid_client' | undefined {
  const asked = credentialsForm.safeParse(form).data;
  if (!asked) return 'invalid_request';
  if (asked.grant_type !== 'client_credentials') return 'unsupported_grant_type';
  const { clientId, clientSecret } = credentials;
  const inBody = isSame(`${asked.client_id}\n${asked.client_secret}`, `${clientId}\n${clientSecret}`);
  return inBody || isSame(authorization, basic(clientId, clientSecret)) ? undefined : 'invalid_client';
}

function isOurToken(
  keyRing: Pick<KeyRing, 'mac'>,
  account: string,
  credentials: ClientCredentials,
  authorization: string | undefined,
  nowMs: number,
): boolean {
  const [, end = '', given = ''] = /^Bearer (\d{1,12})\.([\w-]{1,64})$/i.exec(authorization ?? '') ?? [];
  return (
    isSame(given, signature(keyRing, account, credentials, Number(end))) &&
    Number(end) * 1000 > nowMs - CLOCK_TOLERANCE_MS
  );
}

function signature(
  keyRing: Pick<KeyRing, 'mac'>,
  account: string,
  { clientId, clientSecret }: ClientCredentials,
  end: number,
): string {
  return keyRing.mac('webhook-token', JSON.stringify([account, clientId, clientSecret, end])).toString('base64url');
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Compares hashes, so that neither content nor length shows in the time it takes. */
function isSame(given: string | string[] | undefined, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(typeof given === 'string' ? given : ''), hash(expected)) && typeof given === 'string';
}
