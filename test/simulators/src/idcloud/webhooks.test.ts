import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Caller, key, openCaller, portrait } from './caller.fixture.ts';
import { testCpfs } from './outcomes.ts';
import type { Notice, WebhookRegistration } from './webhooks.ts';

interface Receiver {
  url: string;
  notices: { notice: Notice; headers: IncomingMessage['headers'] }[];
  tokens: string[];
}

/** Somebody who takes notices; `statuses` are answered in turn, then 204. */
async function openReceiver(...statuses: number[]): Promise<Receiver> {
  const receiver: Receiver = { url: '', notices: [], tokens: [] };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    if (request.url === '/token') {
      receiver.tokens.push(`${request.headers.authorization} ${text}`);
      response.end(JSON.stringify({ access_token: `token-${receiver.tokens.length}` }));
      return;
    }
    receiver.notices.push({ notice: JSON.parse(text), headers: request.headers });
    response.writeHead(statuses.shift() ?? 204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}

const scored = key('LIS', ['liveness', 'identity', 'score']);
const open = (webhook: WebhookRegistration, more = {}) =>
  openCaller({ apiKeys: [scored, key('LIS-B', scored.capabilities, 'B')], webhook, ...more });

async function score({ call }: Caller, apiKey = 'LIS'): Promise<string> {
  const body = { subject: { code: testCpfs['score-high'], name: 'Pessoa Virtual' }, imageBase64: portrait };
  return (await call('POST', '/processes/v1', { apiKey, body })).body.id;
}

async function journey(caller: Caller, more: object = {}): Promise<string> {
  const person = { duiValue: testCpfs.yes };
  const body = { callbackUri: '/', flow: 'id', purpose: 'creditprocess', person, ...more };
  return (await caller.call('POST', '/client/v1/process', { body })).body.process.id;
}

describe('a notice', () => {
  it('is sent when an asynchronous process of by Client ends, and of no other', async () => {
    const receiver = await openReceiver();
    const caller = await open({ url: receiver.url });
    const [id, old] = [await score(caller), await score(caller, 'LIS-B')];
    const body = { subject: { code: testCpfs.yes, name: 'Pessoa Virtual' }, imageBase64: portrait };
    await caller.call('POST', '/processes/v1', { apiKey: 'LIS', body });
    for (const one of [id, old]) await caller.call('POST', `/_admin/processes/${one}/finish`);
    await caller.simulator.webhooks.idle();
    expect(receiver.notices.map(({ notice }) => notice)).toEqual([
      { processId: id, state: 'PROCESS_STATE_FINISHED' },
      { processId: old, state: 'finished' },
    ]);
  });

  it('is sent by itself where steps have a length', async () => {
    const receiver = await openReceiver();
    const caller = await open({ url: receiver.url }, { stepMs: 1, now: Date.now });
    const id = await score(caller);
    await expect.poll(() => receiver.notices[0]?.notice.processId).toBe(id);
  });

  it('is sent when a journey ends, and says what was last where it expired', async () => {
    const receiver = await openReceiver();
    const caller = await open({ url: receiver.url });
    const [id, late] = [await journey(caller), await journey(caller, { expiresIn: '60s' })];
    await caller.call('POST', `/_admin/unico/${id}/finish`);
    await caller.simulator.webhooks.idle();
    caller.clock.now += 60_000;
    await caller.call('GET', `/client/v1/process/${late}`);
    await caller.simulator.webhooks.idle();
    expect(receiver.notices.map(({ notice }) => notice)).toEqual([
      { processId: id, state: 'PROCESS_STATE_FINISHED', flow: 'id' },
      expect.objectContaining({ processId: late, lastEvent: 'EVENT_TYPE_PROCESS_CREATED' }),
    ]);
  });

  it('is sent again until it is taken, or given up', async () => {
    const receiver = await openReceiver(500, 401, 204, 500, 500, 500);
    const caller = await open({ url: receiver.url, intervalMs: 1, maxAttempts: 3 });
    const [id, lost] = [await score(caller), await score(caller)];
    for (const one of [id, lost]) {
      await caller.call('POST', `/_admin/processes/${one}/finish`);
      await caller.simulator.webhooks.idle();
    }
    expect(
      caller.simulator.webhooks.deliveries.map(({ processId, attempt, status }) => [processId, attempt, status]),
    ).toEqual([
      [id, 1, 500],
      [id, 2, 401],
      [id, 3, 204],
      [lost, 1, 500],
      [lost, 2, 500],
      [lost, 3, 500],
    ]);
  });

  it('is tried again when nobody answers', async () => {
    const receiver = await openReceiver();
    const caller = await open({ url: 'http://127.0.0.1:1', intervalMs: 1, maxAttempts: 2 });
    await caller.call('POST', `/_admin/processes/${await score(caller)}/finish`);
    await caller.simulator.webhooks.idle();
    expect(caller.simulator.webhooks.deliveries.map(({ status }) => status)).toEqual([undefined, undefined]);
    await caller.call('PUT', '/_admin/accounts/atesto', { body: { webhook: { url: receiver.url } } });
    await caller.call('POST', `/_admin/processes/${await score(caller)}/finish`);
    await caller.simulator.webhooks.idle();
    expect(receiver.notices).toHaveLength(1);
  });

  it('may come twice, and in another order', async () => {
    const receiver = await openReceiver();
    const caller = await open({ url: receiver.url, duplicates: 1, spreadMs: 40 }, { seed: 'another order' });
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push(await score(caller));
    for (const id of ids) caller.simulator.processes.finish(id);
    await caller.simulator.webhooks.idle();
    const came = receiver.notices.map(({ notice }) => notice.processId);
    expect(came.toSorted()).toEqual([...ids, ...ids].toSorted());
    expect([...new Set(came)]).not.toEqual(ids);
  });

  it('may come before the create call is answered', async () => {
    const receiver = await openReceiver();
    const caller = await open({ url: receiver.url, beforeAnswer: true });
    let came = -1;
    caller.simulator.behaviours.use({
      operation: 'createProcess',
      after: () => {
        came = receiver.notices.length;
        return undefined;
      },
    });
    const id = await score(caller);
    expect([came, receiver.notices[0]?.notice.processId]).toEqual([1, id]);
    expect((await caller.call('GET', `/processes/v1/${id}`, { apiKey: 'LIS' })).body).toMatchObject({
      status: 3,
      score: 72,
    });
  });
});

describe('it proves where it comes from', () => {
  const ways: [WebhookRegistration['authentication'], header: string, value: string][] = [
    [{ type: 'basic', user: 'unico', password: 'p:w' }, 'authorization', 'Basic dW5pY286cDp3'],
    [{ type: 'api-key', header: 'x-key', value: 'v' }, 'x-key', 'v'],
    [{ type: 'api-key', value: 'v' }, 'authorization', 'v'],
  ];
  it.each(ways)('%o', async (authentication, header, value) => {
    const receiver = await openReceiver();
    const caller = await open({ url: receiver.url, authentication });
    await caller.call('POST', `/_admin/processes/${await score(caller)}/finish`);
    await caller.simulator.webhooks.idle();
    expect(receiver.notices[0]?.headers[header]).toBe(value);
  });

  it('with a token, which it asks for anew when it was refused', async () => {
    const receiver = await openReceiver(204, 401);
    const authentication = { type: 'oauth2', clientId: 'id', clientSecret: 'secret' } as const;
    const caller = await open({ url: receiver.url, tokenUrl: `${receiver.url}/token`, authentication, intervalMs: 1 });
    for (const id of [await score(caller), await score(caller)]) {
      caller.simulator.processes.finish(id);
      await caller.simulator.webhooks.idle();
    }
    expect(receiver.notices.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
    ]);
    expect(receiver.tokens[0]).toBe('Basic aWQ6c2VjcmV0 grant_type=client_credentials');
  });
});
