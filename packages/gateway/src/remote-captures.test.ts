import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { OPERATOR, post, problemOf, SOMEBODY, startTestGateway } from './gateway.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  gateway.spid.state.seedPerson(SOMEBODY, []);
});
afterAll(() => gateway?.close());

const asked = {
  kind: 'verify',
  subject: { cpf: SOMEBODY },
  operator: { cpf: OPERATOR },
  email: 'pessoa@example.com',
} as const;
const ask = (body: unknown = asked) => post(gateway, '/v1/remote-captures', body);
const look = (id: string, kind = 'verify') =>
  fetch(`${gateway.url}/v1/remote-captures/${id}?kind=${kind}`, {
    headers: { authorization: `Bearer ${gateway.station.key}` },
  });

describe('remote captures', () => {
  it.each(['verify', 'enroll'] as const)('%s: the upstream’s link and TGUID, and its word', async (kind) => {
    const response = await ask({ ...asked, kind });
    expect(response.status).toBe(201);
    const { id, url } = (await response.json()) as { id: string; url: string };
    expect([id, url]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^https?:/)]);
    const word = await look(id, kind);
    expect([word.status, await word.json()]).toEqual([200, { id, status: expect.stringMatching(/_PENDING$/) }]);
    expect(gateway.logged()).not.toMatch(new RegExp(`${SOMEBODY}|${OPERATOR}|pessoa@|${url}`));
  });

  it.each<[string, unknown, string]>([
    ['nothing', {}, 'invalid-request'],
    ['another kind', { ...asked, kind: 'delete' }, 'invalid-request'],
    ['no address', { ...asked, email: 'pessoa' }, 'invalid-request'],
    ['an invalid CPF', { ...asked, subject: { cpf: '52998224724' } }, 'invalid-cpf'],
    ['an invalid operator', { ...asked, operator: { cpf: '11111111111' } }, 'invalid-cpf'],
  ])('refuses %s', async (_case, body, code) => {
    expect(await problemOf(await ask(body))).toBe(code);
  });

  it('knows nothing of another TGUID', async () => {
    expect(await problemOf(await look(randomUUID()))).toBe('not-found');
    expect(await problemOf(await look('x'))).toBe('invalid-request');
    expect(await problemOf(await look(randomUUID(), 'delete'))).toBe('invalid-request');
  });

  it('says so when the upstream is away', async () => {
    gateway.spid.behaviours.down = 'unavailable';
    expect(await problemOf(await ask())).toBe('upstream-unavailable');
    expect(await problemOf(await look(randomUUID()))).toBe('upstream-unavailable');
    gateway.spid.behaviours.down = undefined;
  });
});
