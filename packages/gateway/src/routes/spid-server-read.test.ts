import { errorResponse } from '@atesto/shared/contracts/spid-server';
import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { HttpAnswer, NoAnswer } from '@atesto/shared/upstreams/exchange';
import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { passOn } from './spid-server-read.ts';

/** What a caller of the face gets where the upstream answers so. */
async function repeated(name: SpidServerOperationName, answer: HttpAnswer | NoAnswer) {
  const app = fastify();
  const send = async () => answer;
  app.get('/', (_request, reply) => passOn({ spid: { send } }, name, {}, reply));
  const { statusCode, headers, body } = await app.inject('/');
  await app.close();
  return { status: statusCode, type: headers['content-type'], retryAfter: headers['retry-after'], body };
}
const http = (status: number, body: string | undefined, headers: HttpAnswer['headers'] = {}): HttpAnswer => ({
  kind: 'http',
  status,
  headers,
  body: body === undefined ? undefined : Buffer.from(body),
});
const typeOf = (body: string) => errorResponse.parse(JSON.parse(body)).type;

describe('an answer of the upstream', () => {
  it('is repeated as it came, with what no schema of ours knows', async () => {
    const body = '{ "id":"t", "status":"SEARCH_SOMEHOW", "more":[1.0] }';
    expect(await repeated('getSearchResult', http(200, body))).toMatchObject({ status: 200, body });
  });

  it('may be a success without a body', async () => {
    expect(await repeated('getOperator', http(200, ''))).toMatchObject({ status: 200, type: undefined, body: '' });
  });

  it('keeps the media type of a string and of a file', async () => {
    const type = { 'content-type': 'text/plain;charset=ISO-8859-1' };
    expect(await repeated('getClientVersion', http(200, '4.2.12', type))).toMatchObject({ type: type['content-type'] });
    expect(await repeated('getFile', http(200, 'MZ'))).toMatchObject({ type: 'application/octet-stream', body: 'MZ' });
  });

  it('keeps a refusal that is about the request, in the vendor’s words where it has them', async () => {
    const body = '{"errors":[{"type":"VALIDATION_ERROR","message":"theirs"}],"type":"VALIDATION_ERROR"}';
    expect(await repeated('getStatus', http(422, body))).toMatchObject({ status: 422, body });
    const html = await repeated('getStatus', http(404, '<html>nothing</html>'));
    expect([html.status, typeOf(html.body)]).toEqual([404, 'PROCESSING_ERROR']);
  });

  it.each<[string, HttpAnswer | NoAnswer]>([
    ['none came', { kind: 'none', began: true, reason: 'timeout' }],
    ['its body was lost', { ...http(200, undefined), bodyFault: 'answer-lost' }],
    ['it is cut off', http(200, '{"data":{')],
    ['it is empty', http(200, '')],
    ['it refuses our credentials', http(401, '')],
    ['it forbids us', http(403, '')],
    ['a proxy speaks for it', http(502, '')],
    ['it leads elsewhere', http(307, '')],
  ])('is 503 where %s', async (_case, answer) => {
    const { status, body } = await repeated('getStatus', answer);
    expect([status, typeOf(body)]).toEqual([503, 'PROCESSING_ERROR']);
  });

  it('passes on how long to wait', async () => {
    const answer = await repeated('getStatus', http(429, '', { 'retry-after': '7' }));
    expect(answer).toMatchObject({ status: 503, retryAfter: '7' });
  });
});
