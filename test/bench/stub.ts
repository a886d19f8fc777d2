import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { HEAD_BYTES, numberIn } from './bodies.ts';

/** One body that was read to its end. */
export interface Arrival {
  number: number | undefined;
  bytes: number;
  checksum: number;
  /** When its last byte was there, in epoch milliseconds. */
  at: number;
}

/** One look-up. */
export interface LookUp {
  id: string;
  /** Epoch milliseconds. */
  at: number;
}

/** What came since it was asked last. */
export interface Taken {
  arrivals: Arrival[];
  lookUps: LookUp[];
  connections: number;
}

export interface StubServer {
  url: string;
  take(): Taken;
  /** Resolves when so many bodies and look-ups came since the last `take`. */
  until(count: number): Promise<void>;
}

export interface StubOptions {
  /** Milliseconds that an answer is held. */
  latencyMs?: number;
  onArrival?: (arrival: Arrival) => void;
}

/**
 * Stands where SPID Server stands: drains a body, answers as `enroll` does, and keeps what it needs to tell whether every body came once and whole.
 * Every look-up finds its transaction enrolled. As cheap as it can be, because it takes its processor time from the same machine.
 */
export async function openStubServer({ latencyMs = 0, onArrival }: StubOptions = {}): Promise<StubServer> {
  let arrivals: Arrival[] = [];
  let lookUps: LookUp[] = [];
  let connections = 0;
  let awaited: { count: number; resolve: () => void } | undefined;
  const check = () => {
    if (awaited && arrivals.length + lookUps.length >= awaited.count) awaited.resolve();
  };
  const now = () => performance.timeOrigin + performance.now();

  const server = createServer((request, response) => {
    const answer = (id: string) => {
      const text = JSON.stringify({ id, message: 'ok', status: 'ENROLL_OK' });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
    };
    const answered = (id: string) => (latencyMs === 0 ? answer(id) : setTimeout(answer, latencyMs, id));
    if (request.method === 'GET') {
      const id = request.url?.split('/').at(-1) ?? '';
      lookUps.push({ id, at: now() });
      answered(id);
      return check();
    }
    let head: Buffer = Buffer.alloc(0);
    let [bytes, checksum] = [0, 0];
    request.on('data', (chunk: Buffer) => {
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES)]);
      bytes += chunk.length;
      checksum = crc32(chunk, checksum);
    });
    request.on('end', () => {
      const arrival = { number: numberIn(head), bytes, checksum, at: now() };
      arrivals.push(arrival);
      answered(randomUUID());
      onArrival?.(arrival);
      check();
    });
  });
  server.on('connection', () => connections++);
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = { arrivals, lookUps, connections };
      [arrivals, lookUps, connections] = [[], [], 0];
      return taken;
    },
    async until(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited = { count, resolve };
      check();
      await promise;
    },
  };
}
