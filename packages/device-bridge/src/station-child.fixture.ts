/** Child of the kill test: one capture pending and one ready, then it waits to be killed. */

import { createKeyRing } from '@atesto/shared/vault/key-ring';
import { startBridge } from './bridge.ts';
import { FakeReaders } from './session/fake-readers.fixture.ts';

const [outboxFile = '', url = ''] = process.argv.slice(2);
const readers = new FakeReaders();
readers.plug();
const { dispatch } = await startBridge(
  {
    port: 0,
    gateway: { url, key: 'station-key-of-the-tests' },
    outboxFile,
    keyRing: createKeyRing([{ id: 'k1', key: Buffer.alloc(32, 3) }], Buffer.alloc(32, 4)),
  },
  { transport: readers, match: readers.match },
);

async function call(name: Parameters<typeof dispatch>[0], params: Record<string, string> = {}) {
  return JSON.parse(String((await dispatch(name, params)).body));
}

async function capture(): Promise<string> {
  await call('enroll', { cpf: '52998224725' });
  for (;;) {
    const { status, tguid } = await call('captureStatus');
    if (status === 'CLIENT_CAPTURE_DONE') await call('operatorCapture');
    if (status === 'OPERATOR_CAPTURE_DONE') return tguid;
    await new Promise(setImmediate);
  }
}

await call('login', { id: '11144477735' });
const pending = await capture();
await call('captureSend');
const ready = await capture();
process.stdout.write(`${JSON.stringify({ pending, ready })}\n`);
