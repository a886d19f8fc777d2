import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { GreyImage } from '../people/grey.ts';
import { person } from '../people/person.ts';
import * as faults from './behaviours.ts';
import { TestHost } from './host.fixture.ts';
import type { ReaderModel } from './models.ts';
import type { UareuOptions } from './options.ts';
import { answerChallenge } from './power.ts';
import { VirtualUareu } from './uareu.ts';

let finger: GreyImage;
beforeAll(() => {
  finger = person('reader test').impression(6);
});
afterEach(() => {
  vi.useRealTimers();
});

const instant = { scanPower: 0, finger: 0, frame: 0 };
function setUp(options: UareuOptions = {}) {
  const reader = new VirtualUareu({ timing: instant, ...options });
  return { reader, host: new TestHost(reader) };
}

describe('VirtualUareu', () => {
  it.each<[ReaderModel, UareuOptions['start']]>([
    ['uareu-4500', 'awake'],
    ['uareu-4500', 'asleep'],
    ['uareu-4500', 'confused'],
    ['uareu-4000', 'asleep'],
    ['microsoft-v2', 'awake'],
    ['microsoft-v2', 'confused'],
  ])(
    '%s, found %s, gives a host that keeps to the protocol the picture on its glass',
    async (model, start = 'awake') => {
      const { reader, host } = setUp({ model, start });
      expect(await host.activate()).toBe(model === 'microsoft-v2' ? 2 : 1);
      expect(host.packets).toContain(0x56aa);
      for (let n = 0; n < 2; n++) {
        const lifted = reader.press(finger);
        const cells = await host.capture();
        await lifted;
        expect(cells).toEqual(reader.lastFrame?.cells);
        const upright = model === 'uareu-4500' ? cells.toReversed() : cells;
        expect(upright.map((value) => 255 - value)).toEqual(reader.lastPicture);
      }
      await host.write(0x4e, 0x70);
      expect(reader.record.violations).toEqual([]);
      expect(reader.record.modes).toEqual([0x10, 0x20, 0x12, 0x10, 0x20, 0x12, 0x70]);
      expect(reader.record.framesSent).toBe(2);
      expect(host.frames.every(({ ended }) => ended)).toBe(true);
    },
  );

  it('describes itself as recorded devices do', () => {
    const { device, configuration, strings } = new VirtualUareu().descriptors;
    const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
    expect(device).toEqual(hex('12 01 00 02 00 00 00 40 BA 05 0A 00 03 01 01 02 03 01'));
    expect(configuration).toEqual(
      hex('09 02 20 00 01 01 00 80 64 09 04 00 00 02 FF FF FF 00 07 05 81 03 40 00 08 07 05 82 02 40 00 00'),
    );
    expect(strings.serial).toMatch(/^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/);
    expect(new VirtualUareu({ seed: 'other' }).descriptors.strings.serial).not.toBe(strings.serial);
  });

  it('knows the recorded answer to a challenge and stays dark after a wrong one', async () => {
    const challenge = Buffer.from('4dae5a0b1247a86c9fbf29fdcc178a74', 'hex');
    expect(Buffer.from(answerChallenge(challenge)).toString('hex')).toBe('329351371e4adfb1f35f09f329c6ab46');
    const { reader, host } = setUp({ model: 'microsoft-v2', start: 'asleep' });
    await expect(host.activate({ answer: false })).rejects.toThrow('no power');
    await host.write(0x2000, ...new Uint8Array(16));
    expect(reader.record.violations).toEqual(['wrong answer to the challenge']);
    await expect(host.activate()).resolves.toBe(2);
  });

  it('sends 56AA before the write that caused it is over, and again while it waits, as the recorded 4500', async () => {
    const { reader, host } = setUp();
    await host.activate();
    expect(host.packets).toEqual([0x56aa]);
    await host.write(0x4e, 0x10);
    expect(reader.record.interrupts).toEqual([0x56aa, 0x56aa, 0x56aa]);
  });

  it('reports a touch only to a host that waits for one, and once', async () => {
    const { reader, host } = setUp({ repeatedScanPower: 0 });
    await host.activate();
    reader.placeFinger(finger);
    expect(host.packets).toEqual([0x56aa]);
    await host.write(0x4e, 0x10);
    reader.liftFinger();
    reader.placeFinger(finger);
    expect(host.packets).toEqual([0x56aa, 0x0101]);
    await host.write(0x4e, 0x12);
    reader.liftFinger();
    expect(host.packets).toEqual([0x56aa, 0x0101, 0x0200]);
  });

  it('repeats frames while it is in capture mode, and loses what nobody reads', async () => {
    const { reader, host } = setUp();
    await host.activate();
    reader.placeFinger(finger);
    await host.write(0x4e, 0x20);
    expect(reader.record.violations).toEqual(['capture before a bulk read was started']);
    expect(host.frames).toHaveLength(0);
    for (let n = 1; n <= 3; n++) {
      host.startBulkRead();
      expect(host.frames).toHaveLength(n);
    }
    await host.write(0x4e, 0x12);
    host.startBulkRead();
    expect(host.frames).toHaveLength(3);
  });

  it('takes its time for a frame', async () => {
    vi.useFakeTimers();
    const { reader, host } = setUp({ timing: {} });
    await host.activate();
    reader.placeFinger(finger);
    host.startBulkRead();
    await host.write(0x4e, 0x20);
    await vi.advanceTimersByTimeAsync(129);
    expect(host.frames).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(host.frames).toHaveLength(1);
  });

  it('holds a press as long as asked for', async () => {
    vi.useFakeTimers();
    const { reader, host } = setUp();
    await host.activate();
    await host.write(0x4e, 0x12);
    const lifted = vi.fn();
    void reader.press(finger, { holdMs: 300 }).then(lifted);
    await vi.advanceTimersByTimeAsync(299);
    expect(lifted).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(lifted).toHaveBeenCalled();
    expect(host.packets.at(-1)).toBe(0x0200);
  });

  it('lets the finger go when the host gives up after having seen it, not before', async () => {
    const { reader, host } = setUp();
    await host.activate();
    const lifted = vi.fn();
    const press = reader.press(finger).then(lifted);
    await host.write(0x4e, 0x70);
    await host.write(0x4e, 0x10);
    expect(lifted).not.toHaveBeenCalled();
    await host.write(0x4e, 0x70);
    await press;
    expect(lifted).toHaveBeenCalled();
  });

  it('drops a frame that was under way when the mode changed', async () => {
    vi.useFakeTimers();
    const { reader, host } = setUp({ timing: { frame: 100 } });
    await host.activate();
    host.startBulkRead();
    await host.write(0x4e, 0x20);
    await vi.advanceTimersByTimeAsync(60);
    await host.write(0x4e, 0x12);
    await host.write(0x4e, 0x20);
    await vi.advanceTimersByTimeAsync(60);
    expect(host.frames).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(40);
    expect(host.frames).toHaveLength(1);
    expect(reader.record.violations).toEqual([]);
  });

  it('sends frames in clear if told so, unless they would look scrambled', async () => {
    const { reader, host } = setUp({ scramble: false });
    await host.activate();
    void reader.press(finger);
    const cells = await host.capture();
    expect(reader.lastFrame?.keyNumbers).toEqual([]);
    expect(cells).toEqual(reader.lastFrame?.cells);
    const chequered = { width: 400, height: 440, dpiX: 500, dpiY: 500, pixels: new Uint8Array(176_000) };
    for (let i = 0; i < 176_000; i++) chequered.pixels[i] = Math.floor(i / 9) % 2 ? 255 : 0;
    void reader.press(chequered);
    await host.capture();
    expect(reader.lastFrame?.keyNumbers.length).toBeGreaterThan(0);
  });

  it('starts anew when it is plugged in again', async () => {
    const { reader, host } = setUp({ start: 'asleep' });
    await host.activate();
    const held = reader.press(finger);
    reader.unplug();
    await held;
    expect(reader.plugged).toBe(false);
    const again = new TestHost(reader);
    await expect(again.write(0x4e, 0x10)).resolves.toBeUndefined();
    expect(reader.record.violations).toEqual(['mode 10 without scan power']);
    expect(await again.activate()).toBe(1);
  });
});

describe('behaviours', () => {
  async function scanned(...behaviours: faults.Behaviour[]) {
    const { reader, host } = setUp();
    await host.activate();
    for (const behaviour of behaviours) reader.behave(behaviour);
    reader.placeFinger(finger);
    host.startBulkRead();
    await host.write(0x4e, 0x20);
    return { reader, host };
  }

  it('the newest wins', async () => {
    const { host } = await scanned(faults.truncateFrame(100), faults.truncateFrame(200));
    expect(host.frames[0]?.data.length).toBe(200);
  });

  it('stand aside when taken back or used up', async () => {
    const { reader, host } = setUp();
    await host.activate();
    const undo = reader.behave(faults.truncateFrame(100));
    undo();
    reader.behave(faults.times(1, faults.truncateFrame(200)));
    host.startBulkRead();
    await host.write(0x4e, 0x20);
    host.startBulkRead();
    expect(host.frames.map(({ data }) => data.length)).toEqual([200, 111_040]);
    expect(reader.record.events).toContainEqual({ kind: 'behaviour', name: '1× truncate frame' });
  });

  it('lie in header and table', async () => {
    const header = await scanned(faults.lieInHeader(300));
    expect(new DataView((header.host.frames[0] as { data: Uint8Array }).data.buffer).getUint16(4, true)).toBe(300);
    const tableLie = await scanned(
      faults.lieInTable([
        [2, 255],
        [2, 255],
      ]),
    );
    expect([...(tableLie.host.frames[0]?.data.subarray(16, 22) ?? [])]).toEqual([2, 255, 2, 255, 0, 0]);
  });

  it('hang, stall, die, unplug, forget the end', async () => {
    expect((await scanned(faults.hangOnBulk())).host.frames).toHaveLength(0);
    expect((await scanned(faults.stallOnBulk())).host.stalls).toBe(1);
    expect((await scanned(faults.unplugInCapture())).reader.plugged).toBe(false);
    expect((await scanned(faults.forgetFrameEnd())).host.frames[0]?.ended).toBe(false);
    const { reader, host } = await scanned(faults.times(1, faults.dieInCapture()));
    expect(host.packets.at(-1)).toBe(0x0800);
    host.startBulkRead();
    expect(host.frames).toHaveLength(0);
    await host.activate();
    void reader.press(finger);
    expect(await host.capture()).toEqual(reader.lastFrame?.cells);
  });

  it('refuse power, requests and interrupts', async () => {
    const { reader, host } = setUp();
    const undo = reader.behave(faults.refusePowerUp());
    await expect(host.activate()).rejects.toThrow('no power');
    undo();
    reader.behave(faults.stallControl(0xf0));
    await expect(host.read(0xf0, 16)).rejects.toThrow('stall');
    reader.behave(faults.answerShort(0x34, 2));
    expect(await host.read(0x34, 4)).toHaveLength(2);
    reader.behave(faults.loseInterrupts(0x56aa));
    await host.activate();
    expect(host.packets).toEqual([]);
    reader.behave(faults.repeatInterrupt(0x0101, 3));
    reader.placeFinger(finger);
    await host.write(0x4e, 0x10);
    expect(host.packets).toEqual([0x0101, 0x0101, 0x0101]);
  });

  it('answers nothing but its own vendor request', () => {
    const { reader } = setUp();
    expect(reader.controlIn({ request: 0x0c, value: 7, index: 0 }, 1)).toBe('stall');
    expect(reader.record.violations).toHaveLength(1);
  });
});
