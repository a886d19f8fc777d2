import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { waitFor } from '../../stack/wait-for.ts';
import { type Door, type Enrolment, headersOf } from '../enrolments.fixture.ts';
import { followEvents } from '../event-stream.fixture.ts';
import { BOTH, type Scenario } from '../scenario.ts';

export const gatewayScenarios: readonly Scenario[] = [
  {
    name: 'gateway-killed',
    proves: 'What was acknowledged before a kill -9 of the gateway, at whatever point it met a request, is sent once.',
    backends: BOTH,
    volume: { acknowledged: 60, met: 3 },
    async run({ house, load, met }) {
      for (let round = 0; round < 3; round++) {
        const clients = load(8);
        await clients.more(20);
        house.gateway.process.kill('SIGKILL');
        await waitFor(() => clients.unanswered() > 0, { what: 'a request that the kill met' });
        met();
        await house.restartGateway();
        await clients.stop();
      }
    },
  },
  {
    name: 'gateway-killed-before-queue',
    proves: 'A gateway that dies between the ledger and the queue leaves nothing stuck: the sweep finds it.',
    backends: ['redis'],
    volume: { acknowledged: 12, met: 12 },
    async run({ house, redis, deliver, met }) {
      redis?.line.fail({ type: 'blackhole' });
      const answers = deliver(12);
      const recorded = async () =>
        (await house.db.query('select count(*)::int as count from transactions')).rows[0]?.count === 12;
      await waitFor(recorded, { what: 'all in the ledger' });
      // What was to go into line stood before a line that swallows it.
      await waitFor(() => (redis?.line.met() ?? 0) > 0, { what: 'a job that did not arrive' });
      house.gateway.process.kill('SIGKILL');
      met(12);
      await answers;
      redis?.line.fail(undefined);
      await house.restartGateway();
    },
  },
  {
    name: 'gateway-restarted',
    proves:
      'SIGTERM under load: the process ends with 0, whoever got no answer asks again, and nothing is lost or sent twice.',
    backends: ['postgres'],
    volume: { acknowledged: 40, met: 1 },
    async run({ house, load, met }) {
      const clients = load(8);
      await clients.more(20);
      house.gateway.process.kill('SIGTERM');
      assert.deepEqual(await house.gateway.process.exited, { code: 0, signal: null });
      met();
      await house.restartGateway();
      await clients.more(20, 'acknowledged enrolments after it');
      await clients.stop();
    },
  },
  {
    name: 'gateway-restarted-with-callers',
    proves:
      'SIGTERM while pictures are being uploaded and events are followed: an upload that goes on is taken, one that does not is cut off in 20 seconds, streams end and go on where they ended, and the process ends with 0.',
    backends: ['postgres'],
    volume: { acknowledged: 12, met: 8 },
    async run({ house, deliver, next, again, met }) {
      // So that what is followed is not over yet.
      await house.workers.stop();
      await deliver(4);
      const { rows } = await house.db.query<{ id: string }>('select id from transactions order by id');
      const streams = await Promise.all(rows.map(({ id }) => followEvents(house, id)));
      const haveBegun = () => streams.every(({ events }) => events().length > 0);
      await waitFor(haveBegun, { what: 'the history of each' });
      const uploads = await Promise.all(Array.from({ length: 4 }, () => beginUpload(house, next())));
      house.gateway.process.kill('SIGTERM');
      const told = performance.now();
      for (const stream of streams) met((await stream.ended) ? 1 : 0);
      const [silent, ...going] = uploads as [Upload, ...Upload[]];
      for (const upload of going) met((await upload.goOn()) === 201 ? 1 : 0);
      met((await silent.answered) === undefined ? 1 : 0);
      assert.deepEqual(await house.gateway.process.exited, { code: 0, signal: null });
      const seconds = (performance.now() - told) / 1_000;
      assert.ok(seconds < 25, `it ended after ${seconds.toFixed(1)} s`);
      await house.restartGateway();
      await house.startWorkers('workers-2');
      const later = await Promise.all(streams.map(({ id, events }) => followEvents(house, id, events().at(-1)?.seq)));
      for (const { enrolment } of uploads) assert.ok((await again(enrolment)).acknowledged);
      await deliver(4);
      for (const [at, stream] of later.entries()) {
        const isOver = () => stream.events().some(({ type }) => type === 'concluded');
        await waitFor(isOver, { what: 'the end, in the stream that goes on' });
        const numbers = [...(streams[at]?.events() ?? []), ...stream.events()].map(({ seq }) => seq);
        assert.deepEqual(numbers, [...numbers.keys()], 'events in order, each once');
        stream.close();
      }
    },
  },
  {
    name: 'same-request-often',
    proves:
      'One request made 50 times at once and 10 times later is one transaction; another body under its id is refused.',
    backends: BOTH,
    volume: { acknowledged: 5, met: 60 },
    async run({ next, again, met, deliver }) {
      const enrolment = next();
      const answers = await Promise.all(Array.from({ length: 50 }, () => again(enrolment)));
      for (let later = 0; later < 10; later++) answers.push(await again(enrolment));
      met(answers.filter(({ acknowledged }) => acknowledged).length);
      const other = await again({ ...enrolment, capturedAt: enrolment.capturedAt - 1000 });
      assert.equal(other.status, 409);
      await deliver(4);
    },
  },
  {
    name: 'slow-callers',
    proves:
      '200 callers that never finish their headers and 2000 that say nothing: others are answered within a second, the slow ones get a 408 within five seconds.',
    backends: ['postgres'],
    volume: { acknowledged: 40, met: 200 },
    async run({ house, deliver, met }) {
      const { hostname, port } = new URL(house.gateway.url);
      const cutAfterMs: number[] = [];
      const sockets = Array.from({ length: 2_200 }, (_, at) => {
        const socket = connect(Number(port), hostname);
        socket.on('error', () => undefined).resume();
        if (at < 200) {
          let began = 0;
          socket.write('POST /v1/transactions HTTP/1.1\r\nhost: here\r\nx-slow: ', () => {
            began = performance.now();
          });
          socket.on('data', (answer) => {
            if (String(answer).startsWith('HTTP/1.1 408')) cutAfterMs.push(performance.now() - began);
          });
        }
        return socket;
      });
      try {
        await Promise.all(sockets.map((socket) => socket.readyState === 'open' || once(socket, 'connect')));
        for (let round = 0; round < 40; round++) {
          const started = performance.now();
          const [answer] = await deliver(1);
          assert.ok(answer?.acknowledged, 'an enrolment was not accepted');
          const took = performance.now() - started;
          assert.ok(took < 1_000, `an enrolment took ${Math.round(took)} ms`);
        }
        await waitFor(() => cutAfterMs.length >= 200, { what: 'the end of the slow ones', timeoutMs: 20_000 });
        const longest = Math.round(Math.max(...cutAfterMs));
        assert.ok(longest <= 5_000, `a slow caller was answered after ${longest} ms`);
        met(cutAfterMs.length);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
  },
];

/** A picture of which half is sent. */
interface Upload {
  enrolment: Enrolment;
  /** Sends the other half. @returns the status */
  goOn(): Promise<number | undefined>;
  /** The status; undefined where the connection was cut. */
  answered: Promise<number | undefined>;
}

async function beginUpload({ gateway, key }: Door, enrolment: Enrolment): Promise<Upload> {
  const { picture, capture } = enrolment;
  const upload = request(`${gateway.url}/v1/captures/${capture}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${key}`,
      'content-length': picture.length,
      ...headersOf(picture),
      // The gateway answers that when it has begun: a connection on which it has read nothing is closed as an idle one.
      expect: '100-continue',
    },
  });
  const answered = new Promise<number | undefined>((resolve) => {
    upload.on('response', (response) => resolve(response.resume().statusCode));
    upload.on('error', () => resolve(undefined));
  });
  upload.flushHeaders();
  await once(upload, 'continue');
  const half = picture.length >> 1;
  await new Promise<void>((resolve) => upload.write(picture.subarray(0, half), () => resolve()));
  return {
    enrolment,
    answered,
    goOn() {
      upload.end(picture.subarray(half));
      return answered;
    },
  };
}
