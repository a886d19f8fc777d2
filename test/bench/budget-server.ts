/**
 * Stands where IDCloud by Client stands, as far as its request budget goes: so many calls in any second, 429 beyond. Creates take a while; some processes
 * are over with the answer, the others have to be asked for.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ALLOWED_PER_SECOND, type Counts } from './budget-counts.ts';
import { answerParent } from './child.ts';

const CREATE_MS = 300;
/** Every twentieth process has to be asked for, and is over after this. */
const ASYNCHRONOUS_MS = 5_000;

const nothing = (): Counts => ({
  creates: { taken: 0, refused: 0 },
  polls: { taken: 0, refused: 0, concluded: 0 },
  arrivals: [],
});
let counts = nothing();
let recent: number[] = [];
const overAt = new Map<string, number>();

/** Counts calls that are let through, as the simulator of IDCloud does. */
function isAllowed(): boolean {
  const now = performance.now();
  recent = recent.filter((at) => at > now - 1_000);
  if (recent.length >= ALLOWED_PER_SECOND) return false;
  recent.push(now);
  return true;
}

async function numberIn(request: IncomingMessage): Promise<number> {
  let head = '';
  for await (const chunk of request) if (head.length < 200) head += chunk;
  return Number(/"useCase":"(\d+)"/.exec(head)?.[1]);
}

async function create(number: number): Promise<object> {
  const id = randomUUID();
  await delay(CREATE_MS);
  if (number % 20 > 0) return { id, status: 3, unicoId: { result: 'yes' } };
  overAt.set(id, performance.now() + ASYNCHRONOUS_MS);
  return { id, status: 1 };
}

function standing(id: string): object {
  if (performance.now() < (overAt.get(id) ?? 0)) return { id, status: 1 };
  counts.polls.concluded++;
  return { id, status: 3, unicoId: { result: 'yes' } };
}

const server = createServer(async (request, response) => {
  const at = performance.timeOrigin + performance.now();
  const answer = (status: number, body: object, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  if (request.url === '/token') {
    request.resume();
    return answer(200, { access_token: 'bench', token_type: 'Bearer', expires_in: 3_600 });
  }
  const isCreate = request.method === 'POST';
  const counted = isCreate ? counts.creates : counts.polls;
  const allowed = isAllowed();
  counted[allowed ? 'taken' : 'refused']++;
  if (!allowed) {
    request.resume();
    return answer(429, {}, { 'retry-after': '1' });
  }
  if (!isCreate) return answer(200, standing(request.url?.split('/').at(-1) ?? ''));
  const number = await numberIn(request);
  counts.arrivals.push({ number, at });
  return answer(200, await create(number));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

answerParent({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  /** Processes that were created before are over after so many milliseconds from now. */
  begin: (processes: { id: string; overInMs: number }[]) => {
    overAt.clear();
    for (const { id, overInMs } of processes) overAt.set(id, performance.now() + overInMs);
  },
  /** Begins to count. */
  count: () => {
    counts = nothing();
  },
  counts: () => counts,
});
