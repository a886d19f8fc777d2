/**
 * A station whose reader is virtual: the real device bridge with its real driver, over a virtual U.are.U 4500. A second port is the hand of whoever
 * stands before it:
 *   PUT /finger {person, index, impression}   lays a finger on the reader until it is told to lift it
 *   DELETE /reader, PUT /reader               pulls the plug, puts it in again
 */

import { runBridge } from '@atesto/device-bridge/run';
import { FakeUsbTransport } from '@atesto/device-bridge/transport/fake';
import type { GreyImage } from '@atesto/simulators/people/grey';
import type { FingerIndex } from '@atesto/simulators/people/pattern';
import { person } from '@atesto/simulators/people/person';
import { VirtualUareu } from '@atesto/simulators/reader/uareu';
import fastify from 'fastify';

const transport = new FakeUsbTransport();
const reader = new VirtualUareu({
  model: 'uareu-4500',
  seed: 'station',
  timing: { scanPower: 5, finger: 20, frame: 60 },
});
transport.plug(reader);

/** Drawing takes long: an impression that was given before is given again. */
const drawn = new Map<string, GreyImage>();

const hand = fastify({ logger: false });
hand.put<{ Body: { person: string; index: FingerIndex; impression: number } }>('/finger', async (request) => {
  const { person: seed, index, impression } = request.body;
  const name = `${seed} ${index} ${impression}`;
  const finger = drawn.get(name) ?? person(seed).impression(index, impression);
  drawn.set(name, finger);
  await reader.press(finger);
  return {};
});
hand.delete('/reader', async () => {
  transport.unplug(reader);
  return {};
});
hand.put('/reader', async () => {
  transport.plug(reader);
  return {};
});

process.exitCode = await runBridge(process.env, {
  transport,
  onStarted: () => {
    void hand
      .listen({ host: '127.0.0.1', port: Number(process.env.HAND_PORT) })
      .then(() => process.stdout.write(`${JSON.stringify({ event: 'hand-listening' })}\n`));
  },
});
await hand.close();
