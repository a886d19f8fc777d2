/**
 * Stands where SPID Server stands: drains a body, answers as `enroll` does, and keeps what it needs to tell whether every body came once and whole.
 * As cheap as it can be, because it takes its processor time from the same machine.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { HEAD_BYTES, numberIn } from './bodies.ts';
import { answerParent } from './child.ts';

/** One body that was read to its end. */
export interface Arrival {
  number: number | undefined;
  bytes: number;
  checksum: number;
}

/** What came since it was asked last. */
export interface Taken {
  arrivals: Arrival[];
  connections: number;
}

const arrivals: Arrival[] = [];
let connections = 0;

const server = createServer((request, response) => {
  let head: Buffer = Buffer.alloc(0);
  let [bytes, checksum] = [0, 0];
  request.on('data', (chunk: Buffer) => {
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES)]);
    bytes += chunk.length;
    checksum = crc32(chunk, checksum);
  });
  request.on('end', () => {
    arrivals.push({ number: numberIn(head), bytes, checksum });
    const answer = JSON.stringify({ id: randomUUID(), message: 'ok', status: 'ENROLL_OK' });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer);
  });
});
server.on('connection', () => connections++);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

answerParent({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  take: (): Taken => {
    const taken = { arrivals: arrivals.splice(0), connections };
    connections = 0;
    return taken;
  },
});
