import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { type IdcloudAccount, idcloudCapabilities, idcloudEditions } from '../contracts/idcloud-accounts.ts';
import { httpUrl } from './kinds.ts';
import { SettingsError } from './settings.ts';

const name = z.string().regex(/^[a-z0-9-]{1,32}$/, 'expected at most 32 of a-z, 0-9 and -');
const secret = z.string().min(1).max(4_000);
/** A secret in the file itself, or the path of a file that holds it. */
const secretOrFile = z.union([secret, z.strictObject({ file: z.string().min(1) })], {
  error: 'expected a text that is not empty, or {"file": "<path>"}',
});

const key = z.strictObject({
  name,
  apiKey: secretOrFile,
  capabilities: z.array(z.enum(idcloudCapabilities)).min(1),
  edition: z.enum(idcloudEditions).default('D'),
  sdkOnly: z.boolean().default(false),
});

const webhook = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('basic'), user: z.string().min(1), password: secretOrFile }),
  z.strictObject({
    type: z.literal('api-key'),
    header: z
      .string()
      .regex(/^[a-zA-Z0-9-]{1,64}$/)
      .toLowerCase()
      .default('authorization'),
    value: secretOrFile,
  }),
  z.strictObject({ type: z.literal('oauth2'), clientId: z.string().min(1), clientSecret: secretOrFile }),
]);

const account = z.strictObject({
  name,
  clientUrl: httpUrl.optional(),
  unicoUrl: httpUrl.optional(),
  signUrl: httpUrl.optional(),
  token: z.strictObject({
    tokenUrl: httpUrl,
    audience: z.string().optional(),
    account: z.string().min(1).max(12),
    tenantId: z.string().min(1),
    privateKey: secretOrFile,
  }),
  keys: z.array(key).default([]),
  webhook: webhook.optional(),
  webhookBefore: webhook.optional(),
  requestsPerSecond: z.int().min(1).max(10_000).default(10),
});
const accounts = z.array(account).max(100);

const SETTING = 'IDCLOUD_ACCOUNTS';

/**
 * The accounts of an accounts file's text (JSON); none where there is no file.
 * @throws SettingsError that names every place, and no value
 */
export function parseIdcloudAccounts(text: string | undefined): readonly IdcloudAccount[] {
  if (text === undefined) return [];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new SettingsError([{ setting: SETTING, problem: 'not JSON' }]);
  }
  // Of the rules here, only an address has no words of its own.
  const parsed = accounts.safeParse(json, {
    error: ({ code }) => (code === 'custom' ? `expected ${httpUrl.description}` : undefined),
  });
  if (!parsed.success) {
    throw new SettingsError(
      parsed.error.issues.map(({ path, message }) => ({ setting: SETTING, problem: `${path.join('.')}: ${message}` })),
    );
  }
  const problems: string[] = [];
  const read = (value: z.output<typeof secretOrFile>, at: string): string => {
    if (typeof value === 'string') return value;
    try {
      const text = readFileSync(value.file, 'utf8').trim();
      // Nobody proves himself with nothing.
      if (text === '') problems.push(`${at}: the file is empty`);
      return text;
    } catch (error) {
      problems.push(`${at}: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
      return '';
    }
  };
  const all = parsed.data.map(
    ({ clientUrl, unicoUrl, signUrl, token, keys, webhook, webhookBefore, ...rest }, i): IdcloudAccount => {
      const privateKey = read(token.privateKey, `${i}.token.privateKey`);
      if (privateKey !== '' && !isPrivateKey(privateKey)) problems.push(`${i}.token.privateKey: ${NO_PRIVATE_KEY}`);
      if (!clientUrl && !unicoUrl) problems.push(`${i}: has neither clientUrl nor unicoUrl`);
      if (clientUrl && keys.length === 0) problems.push(`${i}.keys: by Client needs a key`);
      if (webhookBefore && !webhook) problems.push(`${i}.webhook: webhookBefore needs it`);
      if (!clientUrl && keys.length > 0) problems.push(`${i}.clientUrl: its keys need it`);
      return {
        ...rest,
        clientUrl,
        unicoUrl,
        signUrl,
        token: { ...token, privateKey },
        keys: keys.map((one, k) => ({ ...one, apiKey: read(one.apiKey, `${i}.keys.${k}.apiKey`) })),
        webhook: webhook && readWebhook(webhook, (value) => read(value, `${i}.webhook`)),
        ...(webhookBefore && {
          webhookBefore: readWebhook(webhookBefore, (value) => read(value, `${i}.webhookBefore`)),
        }),
      };
    },
  );
  doubled(
    all.map((one) => one.name),
    'an account name is given twice',
    problems,
  );
  // A caller names a key by its value alone.
  doubled(
    all.flatMap(({ keys }) => keys.map(({ apiKey }) => apiKey)),
    'an apiKey is given twice',
    problems,
  );
  for (const { name: of, keys } of all)
    doubled(
      keys.map((one) => one.name),
      `${of}: a key name is given twice`,
      problems,
    );
  if (problems.length > 0) throw new SettingsError(problems.map((problem) => ({ setting: SETTING, problem })));
  return all;
}

function readWebhook(
  given: z.output<typeof webhook>,
  read: (value: z.output<typeof secretOrFile>) => string,
): IdcloudAccount['webhook'] {
  switch (given.type) {
    case 'basic':
      return { ...given, password: read(given.password) };
    case 'api-key':
      return { ...given, value: read(given.value) };
    case 'oauth2':
      return { ...given, clientSecret: read(given.clientSecret) };
    default:
      return given satisfies never;
  }
}

export const NO_PRIVATE_KEY = 'expected an RSA private key in PEM';

/** Whether assertions can be signed with it. */
export function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

function doubled(values: readonly string[], problem: string, problems: string[]): void {
  if (new Set(values).size < values.length) problems.push(problem);
}
