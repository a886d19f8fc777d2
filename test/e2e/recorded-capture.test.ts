import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { matchDriver } from '@atesto/device-bridge/drivers/device-table';
import { FakeUsbTransport } from '@atesto/device-bridge/transport/fake';
import { ReplayTransport } from '@atesto/device-bridge/transport/replay';
import type { UsbDeviceInfo, UsbTransport } from '@atesto/device-bridge/transport/transport';
import { OPERATOR, SOMEBODY, startTestGateway } from '@atesto/gateway/gateway.fixture';
import { userTransactionRequest } from '@atesto/shared/contracts/spid-server';
import { person } from '@atesto/simulators/people/person';
import { VirtualUareu } from '@atesto/simulators/reader/uareu';
import { encodePng, readBiometric, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { Integrator } from '../stack/integrator.ts';
import { skipBecause } from '../stack/skip.ts';
import { waitFor } from '../stack/wait-for.ts';
import { startTestBridge } from './bridge.fixture.ts';
import { startTestWorkers } from './workers.fixture.ts';

const folder = path.resolve(import.meta.dirname, '../../../shared/data/recordings/uru4000-msv2');

/** A bus on which a recorded reader can be exchanged for another, as a clerk would swap cables. */
class ExchangeableBus implements UsbTransport {
  #bus: UsbTransport;
  #onChange: (devices: readonly UsbDeviceInfo[]) => void = () => {};

  constructor(bus: UsbTransport) {
    this.#bus = bus;
  }

  async exchange(bus: UsbTransport): Promise<void> {
    this.#bus = bus;
    this.#onChange(await bus.list());
  }

  list = () => this.#bus.list();
  open = (id: string) => this.#bus.open(id);
  async watch(onChange: (devices: readonly UsbDeviceInfo[]) => void) {
    this.#onChange = onChange;
    onChange(await this.list());
    return { current: await this.list(), available: true, stop: () => {} };
  }
}

describe('a real reader’s capture', () => {
  it('travels from its USB bytes to the upstream without losing a pixel', async (context) => {
    if (!existsSync(path.join(folder, 'capture.pcapng'))) {
      skipBecause(context, `no recording at ${folder}`);
    }
    const gateway = await startTestGateway();
    const workers = startTestWorkers(gateway);
    const replay = new ReplayTransport(readFileSync(path.join(folder, 'capture.pcapng')));
    const bus = new ExchangeableBus(replay);
    const recorded = { seed: () => 0x51ea2124, timing: { heartbeatMs: Number.POSITIVE_INFINITY } };
    const bridge = await startTestBridge(
      gateway,
      {
        transport: bus,
        match: (device) => {
          const match = matchDriver(device);
          return match && { model: match.model, load: () => match.load(device.id.endsWith('@replay') ? recorded : {}) };
        },
      },
      {
        plans: { enroll: [6], operator: [6] },
        // As the reader gave it: what arrives is compared with the decoded frame itself.
        calibrations: { '045e:00ca': { kind: 'none' } },
        // The recording is of no finger, by its project's rule.
        minCoverage: 0,
      },
    );
    try {
      const reader = new VirtualUareu({ model: 'uareu-4500', timing: { scanPower: 0, finger: 0, frame: 0 } });
      const desk = new Integrator({ url: bridge.url, handUrl: '' });
      expect((await desk.login(OPERATOR)).status).toBe('OPERATOR_OK');
      expect((await desk.enroll(SOMEBODY)).status).toBe('CLIENT_CAPTURING');
      const over = (status: string) =>
        waitFor(async () => (await desk.call('capture/status')).status === status, { what: status });
      await over('CLIENT_CAPTURE_DONE');
      expect(replay.remaining()).toEqual([]);

      const fake = new FakeUsbTransport();
      fake.plug(reader);
      await bus.exchange(fake);
      await desk.operatorCapture();
      const operator = person('operator');
      const known = readBiometric(toWireBiometric(6, encodePng(operator.impression(6, 0)), 500));
      if (typeof known === 'string') throw new Error(known);
      gateway.spid.state.seedOperator(OPERATOR, 'VERIFIED', [known]);
      await reader.press(operator.impression(6, 1));
      await over('OPERATOR_CAPTURE_DONE');
      const { status, tguid = '' } = await desk.send();
      expect(status).toBe('CAPTURE_ENQUEUED');
      await desk.resultUntil(tguid, ['ENROLL_OK']);

      const [arrived] = gateway.spid.received.of('enroll');
      const { data } = userTransactionRequest.parse(arrived?.body);
      const [finger] = data.biometrics;
      expect(data).toMatchObject({ userId: SOMEBODY, operatorId: OPERATOR });
      const sent = decode(Buffer.from(finger?.content ?? '', 'base64'));
      const expected = decode(readFileSync(path.join(folder, 'capture.png')));
      expect([sent.width, sent.height, sent.channels]).toEqual([expected.width, expected.height, 1]);
      expect([finger?.index, finger?.width, finger?.height]).toEqual([6, expected.width, expected.height]);
      const grey = expected.data.filter((_value, i) => i % expected.channels === 0);
      expect(Buffer.compare(Buffer.from(sent.data), Buffer.from(grey))).toBe(0);
    } finally {
      await bridge.close();
      await workers.close();
      await gateway.close();
    }
  });
});
