/**
 * Both ends outside of what is measured, in one process: the callers that post enrolments, and the stub of SPID Server that they come out at. So a caller knows
 * when its enrolment was sent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'undici';
import { bodiesOf, numbersIn, type Range } from './bodies.ts';
import { answerParent } from './child.ts';
import { openStubServer } from './stub.ts';
import { ENROLL_PATH } from './variant.ts';

/** Where callers post. */
export interface Door {
  url: string;
  headers: Record<string, string>;
}

export interface Calls extends Range {
  door: Door;
  callers: number;
  /** Of a body, in bytes. */
  aim: number;
}

/** One enrolment, by the machine's clock in epoch milliseconds. */
export interface Passage {
  number: number;
  asked: number;
  /** What the door answered with; the obvious one says when it made the job. */
  timestamp: number | undefined;
  /** When the stub had its last byte. */
  sent: number;
}

const sent = new Map<number, PromiseWithResolvers<number>>();
const sentAt = (number: number) => {
  const known = sent.get(number) ?? Promise.withResolvers<number>();
  sent.set(number, known);
  return known;
};
const stub = await openStubServer({
  onArrival: ({ number, at }) => {
    if (number !== undefined) sentAt(number).resolve(at);
  },
});
const now = () => performance.timeOrigin + performance.now();

async function post(client: Client, { headers }: Door, number: number, body: Buffer): Promise<Passage> {
  const asked = now();
  const answer = await client.request({
    method: 'POST',
    path: ENROLL_PATH,
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const said = (await answer.body.json()) as { timestamp?: number };
  if (answer.statusCode !== 200) throw new Error(`answered with ${answer.statusCode}: ${JSON.stringify(said)}`);
  const at = await sentAt(number).promise;
  sent.delete(number);
  return { number, asked, timestamp: said.timestamp, sent: at };
}

async function withClients<T>({ door, callers }: Calls, work: (clients: Client[]) => Promise<T>): Promise<T> {
  const clients = Array.from({ length: callers }, () => new Client(door.url, { pipelining: 1 }));
  try {
    return await work(clients);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Made before the clock runs. */
const prepared = new Map<number, Buffer>();
const take = (number: number) => {
  const body = prepared.get(number) as Buffer;
  prepared.delete(number);
  return body;
};

answerParent({
  url: () => stub.url,
  take: () => stub.take(),
  prepare({ from, count, aim }: Range & { aim: number }) {
    const bodies = bodiesOf(aim);
    for (const number of numbersIn({ from, count })) prepared.set(number, bodies.of(number));
    globalThis.gc?.();
  },
  /** Each caller posts its next when the last one was sent to the platform. */
  closedLoop: (calls: Calls) =>
    withClients(calls, async (clients) => {
      const numbers = numbersIn(calls).values();
      const lane = async (client: Client) => {
        for (const number of numbers) await post(client, calls.door, number, take(number));
      };
      await Promise.all(clients.map(lane));
    }),
  /** So many a second whatever becomes of the others, at even distances. */
  openLoop: (calls: Calls & { perSecond: number }) =>
    withClients(calls, async (clients) => {
      const began = performance.now();
      const passages: Promise<Passage>[] = [];
      for (const [i, number] of numbersIn(calls).entries()) {
        await delay(Math.max(0, began + (i * 1000) / calls.perSecond - performance.now()));
        passages.push(post(clients[i % clients.length] as Client, calls.door, number, take(number)));
      }
      return await Promise.all(passages);
    }),
});
