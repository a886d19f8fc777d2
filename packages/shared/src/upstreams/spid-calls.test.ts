import { afterEach, describe, expect, it } from 'vitest';
import { httpResponse, isWhole, type RawServer, startRawServer } from './raw-server.fixture.ts';
import { createSpidServerClient, type SpidServerClient } from './spid-server.ts';

let server: RawServer;
let client: SpidServerClient;

async function answering(onRequest: (request: string) => string | 'reset'): Promise<SpidServerClient> {
  server = await startRawServer((socket, soFar) => {
    if (!isWhole(soFar)) return;
    const answer = onRequest(soFar);
    if (answer === 'reset') socket.resetAndDestroy();
    else socket.write(answer);
  });
  client = createSpidServerClient({ url: server.url });
  return client;
}

afterEach(async () => {
  await client.close();
  await server.close();
});

const face = { index: 10, content: 'AAAA', width: 1, height: 1, resolution: 300 };
const params = { tguid: 'one' };

describe('a write without a body', () => {
  it.each(['deletePerson', 'deprecatedDeletePerson', 'redirectEnroll'] as const)(
    '%s is unknown once its head was handed over',
    async (name) => {
      const it = await answering(() => 'reset');
      const input = { params: { cpf: '12345678909', sessionGuid: 'x', guid: 'x' } };
      expect(await it.call(name, input as never)).toEqual({ kind: 'unknown', reason: 'connection-lost' });
    },
  );

  it('is unavailable when nobody listens', async () => {
    const it = await answering(() => 'reset');
    await server.close();
    const answer = await it.call('deleteOperator', { params: { key: '12345678909' } });
    expect(answer).toEqual({ kind: 'unavailable', reason: 'connect-refused' });
  });
});

describe('tolerant reading', () => {
  it.each([
    ['bare', '4.2.12'],
    ['as JSON', '"4.2.12"'],
  ])('of a string %s', async (_, body) => {
    const it = await answering(() => httpResponse(200, body));
    expect(await it.call('getClientVersion')).toEqual({ kind: 'ok', value: '4.2.12' });
  });

  it('of one biometric or several (A13)', async () => {
    let body: unknown = face;
    const it = await answering(() => httpResponse(200, JSON.stringify(body)));
    expect(await it.remoteBiometrics('one')).toEqual({ kind: 'ok', value: [face] });
    body = [face, { ...face, index: 6 }];
    expect(await it.remoteBiometrics('one')).toMatchObject({ kind: 'ok', value: [{ index: 10 }, { index: 6 }] });
    body = [];
    expect(await it.remoteBiometrics('one')).toMatchObject({ kind: 'unavailable', reason: 'answer-unreadable' });
  });

  it('of nulls where something may be left out', async () => {
    const it = await answering(() => httpResponse(200, '{"id":"one","message":null,"status":"SEARCH_NEW"}'));
    expect(await it.call('getSearchResult', { params })).toMatchObject({ kind: 'ok', value: { status: 'SEARCH_NEW' } });
  });

  it('of 201 for 200, and of a deletion with and without a body', async () => {
    let answer = httpResponse(201, '{"tguid":"one","dynamicLink":"https://x"}');
    const it = await answering(() => answer);
    const body = { data: { clientID: '1', operatorID: '2', clientEmail: 'a@b' } };
    expect(await it.call('createRemoteEnroll', { body })).toMatchObject({ kind: 'done', httpStatus: 201 });
    answer = httpResponse(200, '{"id":"one","status":"DELETE_PENDING"}');
    const cpf = { params: { cpf: '12345678909' } };
    expect(await it.call('deletePerson', cpf)).toMatchObject({ kind: 'done', value: { id: 'one' } });
    answer = httpResponse(200, '');
    expect(await it.call('deletePerson', cpf)).toEqual({ kind: 'done', value: undefined, httpStatus: 200 });
  });
});

describe('what is sent', () => {
  it('fills and escapes path and query, and throws where a variable is missing', async () => {
    let head = '';
    const it = await answering((request) => {
      head = request.split('\r\n')[0] ?? '';
      return httpResponse(200, '"ENROLLED"');
    });
    await it.call('deprecatedIdnSearch', { query: { idn: 'a&b c' } });
    expect(head).toBe('GET /gbs-spid-server/service/cluster/idn-search?idn=a%26b+c HTTP/1.1');
    await expect(it.call('getSearchResult', { params: { tguid: '' } })).rejects.toThrow(
      'path variable tguid is missing',
    );
  });

  it('streams a body that is already built', async () => {
    let whole = '';
    const it = await answering((request) => {
      whole = request;
      return httpResponse(201, '');
    });
    const bytes = Buffer.from('{"data":{"document":"1"}}');
    const stream = {
      length: bytes.length,
      async *open() {
        yield bytes;
      },
    };
    expect(await it.call('operatorInsert', { stream })).toMatchObject({ kind: 'done', httpStatus: 201 });
    expect(whole).toContain(`content-length: ${bytes.length}`);
    expect(whole.endsWith(bytes.toString())).toBe(true);
  });
});
