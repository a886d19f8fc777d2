import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { waitFor } from '../../stack/wait-for.ts';
import type { LineFault } from '../proxy.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';

/** A call that hangs is given up in a second and a half. */
const SHORT_CALLS = {
  SPID_SERVER_SUBMIT_TIMEOUT_MS: '1500',
  IDCLOUD_SUBMIT_TIMEOUT_MS: '1500',
  SPID_SERVER_READ_TIMEOUT_MS: '1000',
  LEASE_MS: '4000',
};

/** The line to the platform fails in one way while clients deliver, until so many sends came to `event`. */
async function underFault(scene: Scene, fault: LineFault, event: 'lost' | 'failed', goal: number): Promise<void> {
  scene.line.fail(fault);
  await scene.deliver(24);
  await waitFor(async () => (await events(scene, event)) >= goal, { what: `${goal} × ${event}` });
  scene.met(Math.min(scene.line.met(), await events(scene, event)));
  scene.line.fail(undefined);
}

/** The line fails until it has met 12. @param times answers that it spoils before it heals by itself */
async function untilMet(scene: Scene, fault: LineFault, times?: number): Promise<void> {
  scene.line.fail(fault, times);
  await scene.deliver(24);
  await waitFor(() => scene.line.met() >= 12, { what: `${fault.type} met 12 times` });
  scene.met(scene.line.met());
}

export const platformScenarios: readonly Scenario[] = [
  {
    name: 'answer-lost',
    proves: 'The platform took it and the answer was reset: it is asked for, and found, not sent again.',
    backends: BOTH,
    volume: { acknowledged: 24, met: 12 },
    async run(scene) {
      const { house } = scene;
      await untilMet(scene, { type: 'drop-answer' }, 12);
      const all = async () => (await house.platform.transactions()).length === 24;
      await waitFor(all, { what: 'all at the platform' });
      assert.equal((await house.platform.received('enroll')).length, 24);
    },
  },
  {
    name: 'answer-cut',
    proves: 'The same where the platform’s side of the line ends instead of being reset.',
    backends: ['postgres'],
    volume: { acknowledged: 24, met: 12 },
    run: (scene) => untilMet(scene, { type: 'half-close' }, 12),
  },
  {
    name: 'platform-silent',
    proves:
      'A line that swallows everything: calls are given up in time, the outcome is unknown and asked for, not failed.',
    backends: ['postgres'],
    scene: { env: SHORT_CALLS },
    volume: { acknowledged: 24, met: 12 },
    run: (scene) => underFault(scene, { type: 'blackhole' }, 'lost', 12),
  },
  {
    name: 'platform-unreachable',
    proves: 'Every connection is reset: nothing was sent, so all is sent again when the line is back.',
    backends: ['postgres'],
    volume: { acknowledged: 24, met: 12 },
    async run(scene) {
      await untilMet(scene, { type: 'reset' });
      scene.line.fail(undefined);
    },
  },
  {
    name: 'platform-slow',
    proves: 'Answers of 20 bytes a second are given up in time, and what they would have said is asked for.',
    backends: ['postgres'],
    scene: { env: SHORT_CALLS },
    volume: { acknowledged: 24, met: 8 },
    run: (scene) => underFault(scene, { type: 'throttle', bytesPerSecond: 20 }, 'lost', 8),
  },
  {
    name: 'answer-endless',
    proves:
      'An answer that never ends is cut: the worker’s memory stays bounded, and its transactions reach the platform.',
    backends: ['postgres'],
    scene: { env: SHORT_CALLS },
    volume: { acknowledged: 12, met: 12 },
    async run(scene) {
      const { house, line, deliver } = scene;
      const endless = await openEndless();
      const before = await residentMegabytes(house.workers.pid);
      line.retarget(endless.port);
      await deliver(12);
      await waitFor(() => endless.calls() >= 12, { what: 'calls that got an endless answer' });
      await waitFor(async () => (await events(scene, 'lost')) >= 12, { what: 'answers that were given up' });
      const grown = (await residentMegabytes(house.workers.pid)) - before;
      assert.ok(grown < 150, `the worker grew by ${grown} MB`);
      scene.met(endless.calls());
      line.retarget(Number(new URL(house.spid.url).port));
      await endless.close();
    },
  },
  {
    name: 'platform-overloaded',
    proves:
      '429 with Retry-After and 503 for all: no transaction is asked to be sent more than a few times, and all go through after it.',
    backends: ['postgres'],
    volume: { acknowledged: 30, met: 30 },
    async run({ house, deliver, met }) {
      const { platform } = house;
      await platform.misbehave(
        { operation: 'enroll', fault: { type: 'status', status: 503 } },
        { operation: 'enroll', fault: { type: 'status', status: 429, retryAfterSeconds: 2 }, times: 20 },
      );
      await deliver(30);
      const since = Date.now();
      await waitFor(() => Date.now() - since > 4_000, { what: 'an outage of four seconds' });
      const refused = (await platform.received('enroll')).length;
      // First sends, and for each at most the tries that 2 s doubling leave room for in four seconds, spread by a fifth.
      assert.ok(refused <= 30 * 3, `${refused} calls in an outage of four seconds`);
      met(refused);
      await platform.behave();
    },
  },
];

async function events({ house }: Scene, type: string): Promise<number> {
  const { rows } = await house.db.query('select count(*)::int as count from transaction_events where type = $1', [
    type,
  ]);
  return rows[0]?.count;
}

/** Answers whatever comes with a body that never ends. */
async function openEndless(): Promise<{ port: number; calls(): number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let calls = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('data', () => {
      calls++;
      socket.write('HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
      const piece = `10000\r\n${' '.repeat(0x10000)}\r\n`;
      const pour = () => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', pour);
      pour();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    calls: () => calls,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Linux only, as the house's other look at a process is. */
async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
