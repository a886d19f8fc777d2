import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { enrolment, OPERATOR, post, problemOf, SOMEBODY, startTestGateway } from './gateway.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  // No worker works here: nobody is held for what does not come.
  gateway.context.limits.waitMsMax = 0;
});
afterAll(() => gateway?.close());

const asked = {
  kind: 'verify',
  subject: { cpf: SOMEBODY },
  operator: { cpf: OPERATOR },
  email: 'pessoa@example.com',
} as const;
const ask = (body: unknown = asked, key = gateway.station.key) => post(gateway, '/v1/remote-captures', body, { key });
const look = (path: string, key = gateway.station.key) =>
  fetch(`${gateway.url}/v1/${path}`, { headers: { authorization: `Bearer ${key}` } });

it.each([
  ['verify', 'SEARCH_PENDING'],
  ['enroll', 'ENROLL_PENDING'],
] as const)(
  '%s: accepted before SPID Server is asked; the same request is the same remote capture',
  async (kind, status) => {
    const response = await ask({ ...asked, kind });
    expect(response.status).toBe(202);
    const answer = (await response.json()) as { id: string };
    expect(answer).toEqual({ id: expect.any(String), status });
    expect(await (await ask({ ...asked, kind })).json()).toEqual(answer);
    expect(await (await look(`remote-captures/${answer.id}`)).json()).toEqual(answer);
    expect(await (await look(`transactions/${answer.id}`)).json()).toMatchObject({
      kind: `spid.remote-${kind}`,
      state: 'accepted',
      operation: kind === 'verify' ? 'createRemoteVerify' : 'createRemoteEnroll',
    });
    expect(await (await ask({ ...asked, kind }, gateway.system.key)).json()).not.toEqual(answer);
    expect(gateway.logged()).not.toMatch(new RegExp(`${SOMEBODY}|${OPERATOR}|pessoa@`));
    expect(gateway.spid.received.of()).toEqual([]);
  },
);

it.each<[string, unknown, string]>([
  ['nothing', {}, 'invalid-request'],
  ['another kind', { ...asked, kind: 'delete' }, 'invalid-request'],
  ['no address', { ...asked, email: 'pessoa' }, 'invalid-request'],
  ['an invalid CPF', { ...asked, subject: { cpf: '52998224724' } }, 'invalid-cpf'],
  ['an invalid operator', { ...asked, operator: { cpf: '11111111111' } }, 'invalid-cpf'],
])('refuses %s', async (_case, body, code) => {
  expect(await problemOf(await ask(body))).toBe(code);
});

it('shows a remote capture to whoever asked for it, and no other transaction as one', async () => {
  const { id } = (await (await ask()).json()) as { id: string };
  const other = await enrolment(gateway, 'not remote');
  await post(gateway, '/v1/transactions', other);
  for (const path of ['', '/biometrics']) {
    expect(await problemOf(await look(`remote-captures/${id}${path}`, gateway.system.key))).toBe('not-found');
    expect(await problemOf(await look(`remote-captures/${other.id}${path}`))).toBe('not-found');
    expect(await problemOf(await look(`remote-captures/${randomUUID()}${path}`))).toBe('not-found');
    expect(await problemOf(await look(`remote-captures/x${path}`))).toBe('invalid-request');
  }
});

it('finishes and redirects nothing that is not there yet', async () => {
  const { id } = (await (await ask()).json()) as { id: string };
  const enrolled = await enrolment(gateway, 'pending');
  await post(gateway, '/v1/transactions', enrolled);
  const finish = (which: string, body: unknown) => post(gateway, `/v1/remote-captures/${which}/finish`, body);
  const redirect = (which: string) => post(gateway, `/v1/transactions/${which}/redirect`, {});
  expect(await problemOf(await finish(id, { approval: true }))).toBe('not-taken-yet');
  expect(await problemOf(await finish(id, { approval: 'yes' }))).toBe('invalid-request');
  expect(await problemOf(await finish(enrolled.id, { approval: true }))).toBe('not-found');
  expect(await problemOf(await redirect(enrolled.id))).toBe('not-rejected');
  expect(await problemOf(await redirect(id))).toBe('not-rejected');
  expect(await problemOf(await redirect(randomUUID()))).toBe('not-found');
});
