import { afterAll, describe, expect, it } from 'vitest';
import { findKey, keyNamed } from '../contracts/idcloud-accounts.ts';
import { parseIdcloudAccounts } from './idcloud-accounts.ts';
import { privateKey, problemsOf, scratchFolder } from './settings.fixture.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const file = (name: string, content: string) => ({ file: scratch.write(name, content) });

/** Stands for every secret, so that no message shows one. */
const SECRET = 'S3cret';
const token = {
  tokenUrl: 'https://identity.example/oauth2/token',
  account: 'bank',
  tenantId: 't',
  privateKey,
};
const key = { name: 'onboarding', apiKey: `${SECRET} api`, capabilities: ['liveness', 'identity'] };
const account = { name: 'retail', clientUrl: 'https://api.example', token, keys: [key] };

const parse = (...accounts: unknown[]) => parseIdcloudAccounts(JSON.stringify(accounts));
function faultsOf(text: string): string {
  const message = problemsOf(() => parseIdcloudAccounts(text));
  expect(message).not.toMatch(new RegExp(`${SECRET}|BEGIN`));
  return message;
}

it('there are none without a file', () => expect(parseIdcloudAccounts(undefined)).toEqual([]));

it('reads an account with its defaults', () => {
  expect(parse(account)).toEqual([
    {
      ...account,
      unicoUrl: undefined,
      signUrl: undefined,
      keys: [{ ...key, edition: 'D', sdkOnly: false }],
      webhook: undefined,
      requestsPerSecond: 10,
    },
  ]);
});

it('reads secrets from files of their own', () => {
  const [read] = parse({
    ...account,
    token: { ...token, privateKey: file('key.pem', privateKey) },
    keys: [{ ...key, apiKey: file('api', `${SECRET} from a file\n`) }],
    webhook: { type: 'basic', user: 'unico', password: file('password', SECRET) },
    webhookBefore: { type: 'basic', user: 'unico', password: file('password-before', `${SECRET} before`) },
  });
  expect(read?.token.privateKey).toBe(privateKey.trim());
  expect(read?.keys[0]?.apiKey).toBe(`${SECRET} from a file`);
  expect(read?.webhook).toEqual({ type: 'basic', user: 'unico', password: SECRET });
  expect(read?.webhookBefore).toEqual({ type: 'basic', user: 'unico', password: `${SECRET} before` });
});

it.each([
  [
    { type: 'api-key', value: SECRET },
    { type: 'api-key', header: 'authorization', value: SECRET },
  ],
  [
    { type: 'api-key', header: 'X-Key', value: SECRET },
    { type: 'api-key', header: 'x-key', value: SECRET },
  ],
  [
    { type: 'oauth2', clientId: 'unico', clientSecret: SECRET },
    { type: 'oauth2', clientId: 'unico', clientSecret: SECRET },
  ],
])('reads the webhook %o', (webhook, expected) => {
  expect(parse({ ...account, webhook })[0]?.webhook).toEqual(expected);
});

it('an account of by Unico alone needs no key', () => {
  const [read] = parse({ name: 'journeys', unicoUrl: 'https://unico.example', signUrl: 'https://sign.example', token });
  expect(read).toMatchObject({ clientUrl: undefined, keys: [], unicoUrl: 'https://unico.example' });
});

it('finds keys by their value and by name', () => {
  const all = parse(account, { ...account, name: 'cards', keys: [{ ...key, apiKey: 'other' }] });
  expect(findKey(all, 'other')).toMatchObject({ account: { name: 'cards' }, key: { name: 'onboarding' } });
  expect(findKey(all, 'none')).toBeUndefined();
  expect(keyNamed(all, { account: 'retail', keyName: 'onboarding' })?.key.apiKey).toBe(`${SECRET} api`);
  expect(keyNamed(all, { account: 'retail', keyName: 'none' })).toBeUndefined();
  expect(keyNamed(all, { account: undefined, keyName: undefined })).toBeUndefined();
});

describe('names every fault, and shows no value', () => {
  const nowhere = { file: '/nowhere/secret' };
  const rows: [what: string, accounts: unknown, problems: RegExp[]][] = [
    ['not a list', account, [/^IDCLOUD_ACCOUNTS: : .*array/]],
    ['a name that no queue can have', [{ ...account, name: 'Retail Bank' }], [/ 0\.name: expected at most 32 of a-z/]],
    ['no token', [{ ...account, token: undefined }], [/ 0\.token: /]],
    [
      'an account name that is too long',
      [{ ...account, token: { ...token, account: 'a'.repeat(13) } }],
      [/ 0\.token\.account: /],
    ],
    ['a URL that is none', [{ ...account, clientUrl: SECRET }], [/ 0\.clientUrl: expected a URL/]],
    [
      'a capability that is none',
      [{ ...account, keys: [{ ...key, capabilities: [SECRET] }] }],
      [/ 0\.keys\.0\.capabilities\.0: /],
    ],
    ['no capabilities', [{ ...account, keys: [{ ...key, capabilities: [] }] }], [/ 0\.keys\.0\.capabilities: /]],
    ['an edition that is none', [{ ...account, keys: [{ ...key, edition: 'C' }] }], [/ 0\.keys\.0\.edition: /]],
    [
      'a key without a secret',
      [{ ...account, keys: [{ ...key, apiKey: 5 }] }],
      [/ 0\.keys\.0\.apiKey: expected a text that is not empty, or/],
    ],
    ['a field that nobody knows', [{ ...account, apiKeys: [SECRET] }], [/ 0: .*apiKeys/]],
    [
      'a webhook without its secret',
      [{ ...account, webhook: { type: 'basic', user: 'u' } }],
      [/ 0\.webhook\.password: /],
    ],
    ['a webhook of no kind', [{ ...account, webhook: { type: 'hmac' } }], [/ 0\.webhook\.type: /]],
    [
      'a private key that is none',
      [{ ...account, token: { ...token, privateKey: SECRET } }],
      [/ 0\.token\.privateKey: expected an RSA private key/],
    ],
    ['no requests', [{ ...account, requestsPerSecond: 0 }], [/ 0\.requestsPerSecond: /]],
    ['no address', [{ ...account, clientUrl: undefined, keys: [] }], [/ 0: has neither clientUrl nor unicoUrl/]],
    [
      'an empty secret',
      [{ ...account, webhook: { type: 'api-key', value: file('empty', '\n') } }],
      [/ 0\.webhook: the file is empty/],
    ],
    [
      'a secret of before without one of now',
      [{ ...account, webhookBefore: { type: 'api-key', value: `${SECRET} before` } }],
      [/ 0\.webhook: webhookBefore needs it/],
    ],
    [
      'a key without by Client',
      [{ ...account, clientUrl: undefined, unicoUrl: 'https://unico.example' }],
      [/ 0\.clientUrl: its keys need it/],
    ],
    ['no key for by Client', [{ ...account, keys: [] }], [/ 0\.keys: by Client needs a key/]],
    [
      'two of a name',
      [account, { ...account, keys: [{ ...key, apiKey: 'other' }] }],
      [/ an account name is given twice/],
    ],
    ['a key in two accounts', [account, { ...account, name: 'cards' }], [/ an apiKey is given twice/]],
    [
      'two keys of a name',
      [{ ...account, keys: [key, { ...key, apiKey: 'other' }] }],
      [/ retail: a key name is given twice/],
    ],
    [
      'a secret that cannot be read',
      [{ ...account, token: { ...token, privateKey: nowhere } }],
      [/ 0\.token\.privateKey: the file cannot be read \(ENOENT\)/],
    ],
    [
      'several at once',
      [{ ...account, keys: [{ ...key, apiKey: nowhere }], webhook: { type: 'basic', user: 'u', password: nowhere } }],
      [/ 0\.keys\.0\.apiKey: the file/, / 0\.webhook: the file/],
    ],
  ];
  it.each(rows)('%s', (_what, accounts, problems) => {
    const lines = faultsOf(JSON.stringify(accounts)).split('\n');
    expect(lines).toHaveLength(problems.length);
    for (const [n, problem] of problems.entries()) expect(lines[n]).toMatch(problem);
  });

  it('a text that is not JSON', () => expect(faultsOf(`{"${SECRET}`)).toBe('IDCLOUD_ACCOUNTS: not JSON'));
});
