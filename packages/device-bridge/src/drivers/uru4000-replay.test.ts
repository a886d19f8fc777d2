import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { recording } from '../transport/recordings.fixture.ts';
import { ReplayTransport } from '../transport/replay.ts';
import { uru4000Driver } from './uru4000.ts';

const files = recording('uru4000-msv2');
/** Seed of every key exchange in the recordings. */
const seed = (): number => 0x51ea2124;

describe('the recording of a Microsoft reader v2', () => {
  it('decodes to the recorded image and is used up', async ({ skip }) => {
    if ('missing' in files) return skip(files.missing);
    const transport = new ReplayTransport(files.usb);
    const [device] = await transport.list();
    expect(device).toMatchObject({ vendorId: 0x045e, productId: 0x00ca, release: 0x0100 });
    const driver = uru4000Driver({ seed, timing: { heartbeatMs: Number.POSITIVE_INFINITY } });
    const reader = await driver.open(await transport.open(device?.id ?? ''));
    const events: string[] = [];
    const image = await reader.capture({ timeoutMs: 5_000, onEvent: (event) => events.push(event) });
    await reader.close();

    const expected = decode(files.png);
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    // Where it is in colour, its channels are equal.
    const different = expected.data.filter((value, at) => value !== image.pixels[Math.floor(at / expected.channels)]);
    expect(different).toHaveLength(0);
    expect(transport.remaining()).toEqual([]);
    expect(events).toEqual(['ready', 'finger-on', 'finger-off']);
  });

  it('fails as device-lost where the driver asks for something else than was recorded', async ({ skip }) => {
    if ('missing' in files) return skip(files.missing);
    const transport = new ReplayTransport(files.usb);
    const reader = await uru4000Driver({ seed: () => 1 }).open(await transport.open('045e:00ca@replay'));
    await expect(reader.capture({ timeoutMs: 5_000 })).rejects.toMatchObject({
      name: 'CaptureError',
      kind: 'device-lost',
    });
    await reader.close();
    expect(transport.remaining()).not.toEqual([]);
  });
});
