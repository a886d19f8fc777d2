import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../../../test/stack/wait-for.ts';
import { digestOf, pictureOf, startTestGateway, type TestGateway } from './gateway.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const aborted = () => gateway.logged().match(/"event":"request-aborted"/g)?.length ?? 0;

const calls: [what: string, method: string, path: () => string, type: string][] = [
  ['a picture', 'PUT', () => `/v1/captures/${randomUUID()}`, 'image/png'],
  ['an enrolment of SPID Server’s form', 'POST', () => '/gbs-spid-server/people', 'application/json'],
  ['a process of IDCloud’s form', 'POST', () => '/idcloud/processes/v1', 'application/json'],
];

it.each(calls)('is no failure of ours: the caller of %s hangs up half-way', async (_what, method, path, type) => {
  const before = aborted();
  const body = Buffer.concat([pictureOf('half'), randomBytes(100_000)]);
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const key = type === 'image/png' ? gateway.station.key : gateway.system.key;
  socket.write(
    `${method} ${path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nAPIKEY: none\r\nContent-Type: ${type}\r\n` +
      `Content-Digest: ${digestOf(body)}\r\nContent-Length: ${2 * body.length}\r\n\r\n`,
  );
  socket.write(body, () => socket.destroy());
  await waitFor(() => aborted() > before, { what: 'a caller that is gone' });
  // What comes of the failed read comes within a few turns of the loop, before a whole request is answered.
  await fetch(`${gateway.url}/readyz`);
  expect(gateway.logged()).not.toMatch(/storage-failed|request-failed/);
  const { rows } = await gateway.context.db.query('select from captures union all select from transactions');
  expect(rows).toEqual([]);
});
