import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { JWT_BEARER_GRANT } from '@atesto/shared/contracts/idcloud-client';
import { type TokenErrorCode, tokenErrors, tokenRemedy } from '@atesto/shared/contracts/idcloud-token';
import type { AccountState } from '@atesto/simulators/idcloud/accounts';
import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { waitFor } from '../stack/wait-for.ts';
import { bodyOf } from './idcloud.fixture.ts';
import { atFace, BANK, CREATE, clientOf, face, has, rowOf } from './idcloud-contract-house.ts';
import type { ContractLine } from './run-contract.ts';

/** How an assertion for a token differs from a good one; undefined takes a claim away. */
interface Assertion {
  account?: string;
  claims?: Record<string, unknown>;
  /** Signed for something else. */
  spoiled?: true;
}

/** A token request, and the code in its answer; undefined where a token came. Each assertion is another one. */
async function ask(house: IdcloudHouse, { account = BANK, claims = {}, spoiled }: Assertion = {}) {
  const iat = Math.floor(house.now() / 1000);
  const made = {
    ...{ iss: `${account}@${house.tenantId}.iam.acesso.io`, aud: house.simulator.url, scope: '*' },
    ...{ iat, exp: iat + 600 + Math.floor(Math.random() * 3_000) },
    ...claims,
  };
  const signed = [{ alg: 'RS256', typ: 'JWT' }, made].map((part) => part64(JSON.stringify(part))).join('.');
  const signature = sign('RSA-SHA256', Buffer.from(spoiled ? 'another' : signed), house.privateKey);
  return send(house, `${signed}.${signature.toString('base64url')}`);
}

const part64 = (text: string) => Buffer.from(text).toString('base64url');

async function send(house: IdcloudHouse, assertion: string): Promise<{ code: string | undefined; assertion: string }> {
  const body = new URLSearchParams({ grant_type: JWT_BEARER_GRANT, assertion });
  const response = await fetch(house.simulator.tokenUrl, { method: 'POST', body });
  const json = (await response.json()) as { access_token?: string; error?: string; error_description?: string };
  assert.equal(response.status, json.access_token ? 200 : 400);
  if (!json.access_token) assert.equal(json.error, 'server_error');
  return { code: /\d\.\d\.\d+/.exec(json.error_description ?? '')?.[0], assertion };
}

/** As the state of the account says. */
async function as(house: IdcloudHouse, state: AccountState) {
  const account = house.simulator.accounts.find(({ name }) => name === BANK);
  assert(account);
  account.state = state;
  const said = await ask(house);
  account.state = 'active';
  return said;
}

const provoked: Record<TokenErrorCode, (house: IdcloudHouse) => Promise<{ code: string | undefined }>> = {
  '1.0.1': (house) => ask(house, { claims: { iss: `${BANK}@another.iam.acesso.io` } }),
  '1.0.14': (house) => as(house, 'application-inactive'),
  '1.1.1': (house) => ask(house, { claims: { scope: undefined } }),
  '1.2.4': (house) => ask(house, { claims: { iat: 1, exp: 2 } }),
  '1.2.5': (house) => ask(house, { spoiled: true }),
  '1.2.6': (house) => as(house, 'key-retired'),
  '1.2.7': async (house) => send(house, (await ask(house)).assertion),
  '1.2.11': (house) => as(house, 'inactive'),
  '1.2.14': (house) => as(house, 'forbidden'),
  '1.2.18': async (house) => {
    for (let i = 0; i < 20; i++) await ask(house, { account: 'locked', spoiled: true });
    return ask(house, { account: 'locked' });
  },
  '1.2.19': (house) => ask(house, { claims: { sub: 'another' } }),
  '1.2.20': (house) => ask(house, { claims: { iat: 'now' } }),
  '1.2.21': (house) => ask(house, { claims: { aud: [house.simulator.url] } }),
  '1.2.22': (house) => ask(house, { claims: { jti: 'x' } }),
};

/** Every code of the token endpoint. */
export function tokenLines(house: () => IdcloudHouse): ContractLine[] {
  return (Object.keys(tokenErrors) as TokenErrorCode[]).map((code) => ({
    line: `error token  ${code}  ${tokenErrors[code].cause}  client simulator face`,
    checks: [
      ['said', async () => assert.equal((await provoked[code](house())).code, code)],
      ['what client and face make of it', () => told(house(), code)],
    ],
  }));
}

/** The account's token is over, and the endpoint says the code instead of giving another. */
async function told(house: IdcloudHouse, code: TokenErrorCode): Promise<void> {
  const { behaviours } = house.simulator;
  const { context } = house.gateway;
  const { limits } = context;
  const remedy = tokenRemedy(code);
  house.later(3_600_001);
  const fault = { type: 'status', status: 400, code } as const;
  // One more assertion may do; the others are refused however often they are asked.
  behaviours.add({ operation: 'token', fault, ...(remedy === 'new-assertion' && { times: 1 }) });
  context.limits = { ...limits, waitMsMax: 200 };
  try {
    const created = await clientOf(house, 'identity').submit('idcloud.process', bodyOf(face()));
    const made = await atFace(house, { route: CREATE, key: 'identity', body: face() });
    if (remedy === 'new-assertion') {
      has([created, made.json], [{ kind: 'answered' }, { status: 3 }]);
      return;
    }
    const reason = remedy === 'wait' ? 'token-locked' : 'token-refused';
    has(created, { kind: 'unavailable', reason, upstreamCode: code });
    const { id } = made.json;
    assert.deepEqual(made.json, { id, status: 1 });
    const row = await waitFor(
      async () => {
        const now = await rowOf(house, id);
        return now.state === 'retrying' && now;
      },
      { what: 'a try in vain' },
    );
    has(row, { reason, upstreamId: undefined });
  } finally {
    context.limits = limits;
    behaviours.clear();
    // Nobody asks again before that.
    house.later(900_001);
  }
}
