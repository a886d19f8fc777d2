import { createPrivateKey } from 'node:crypto';
import { JWT_BEARER_GRANT } from '@atesto/shared/contracts/idcloud-client';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { accountStates } from './accounts.ts';
import { type Caller, openCaller, pair, tenantId } from './caller.fixture.ts';

const privateKey = createPrivateKey(pair.privateKey);

/** What the token endpoint says to an assertion with these claims changed. */
async function ask({ simulator, clock }: Caller, changes: object = {}, grant = JWT_BEARER_GRANT) {
  const iat = Math.floor(clock.now / 1_000);
  const claims = { iss: `atesto@${tenantId}.iam.acesso.io`, aud: simulator.url, scope: '*', iat, exp: iat + 3_600 };
  const assertion = await new SignJWT({ ...claims, ...changes })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .sign(privateKey);
  const answer = await fetch(simulator.tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: grant, assertion }),
  });
  const body = (await answer.json()) as { error?: string; error_description?: string; token_type?: string };
  return { status: answer.status, code: /\d+\.\d+\.\d+/.exec(body.error_description ?? '')?.[0], body };
}

describe('the token endpoint', () => {
  it('gives a token that is good for its account', async () => {
    const caller = await openCaller();
    const { status, body } = await ask(caller);
    expect([status, body.token_type]).toEqual([200, 'Bearer']);
  });

  it.each(Object.entries(accountStates).filter(([, code]) => code !== undefined))(
    'refuses an account that is %s with %s',
    async (state, code) => {
      const caller = await openCaller();
      await caller.call('PUT', '/_admin/accounts/atesto', { body: { state } });
      expect(await ask(caller)).toMatchObject({ status: 400, code });
      await caller.call('PUT', '/_admin/accounts/atesto', { body: { state: 'active' } });
      expect(await ask(caller, { scope: '*' })).toMatchObject({ code: '1.2.7' });
    },
  );

  it('answers with the status that a code is given', async () => {
    const caller = await openCaller({ tokenStatuses: { '1.1.1': 401 } });
    expect(await ask(caller, { scope: undefined })).toMatchObject({ status: 401, code: '1.1.1' });
    expect(await ask(caller, { sub: 'x' })).toMatchObject({ status: 400, code: '1.2.19' });
    expect(await ask(caller, {}, 'password')).toMatchObject({ status: 400, code: '1.2.5' });
  });

  it('locks an account, and for a while, after many bad attempts in a row', async () => {
    const others = [{ account: 'outro', tenantId: 't', publicKey: pair.publicKey, apiKeys: [] }];
    const caller = await openCaller({ lockAfter: 2, lockMs: 60_000, others });
    for (let i = 0; i < 2; i++)
      expect((await ask(caller, { iss: `nobody@${tenantId}.iam.acesso.io` })).code).toBe('1.2.5');
    expect((await ask(caller)).code).toBe('1.2.18');
    expect((await ask(caller, { iss: 'outro@t.iam.acesso.io' })).status).toBe(200);
    caller.clock.now += 60_000;
    expect((await ask(caller)).status).toBe(200);
  });
});
