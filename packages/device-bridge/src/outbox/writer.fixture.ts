/** Child of the kill test: stores records without end and prints each one that was acknowledged. */

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createKeyRing } from '@atesto/shared/vault/key-ring';
import { Outbox } from './outbox.ts';
import { openStore } from './store.ts';

const [file = '', key = ''] = process.argv.slice(2);
const keys = createKeyRing([{ id: 'k1', key: Buffer.from(key, 'hex') }], Buffer.alloc(32, 9));
const outbox = new Outbox({ db: openStore({ file }), keys });
for (;;) {
  const tguid = randomUUID();
  const capture = randomUUID();
  const png = randomBytes(60_000);
  outbox.store(
    {
      tguid,
      kind: 'verify',
      subject: '52998224725',
      operator: { cpf: '11144477735', verification: 'deferred' },
      capturedAt: Date.now(),
      biometrics: [{ index: 6, capture }],
    },
    [{ capture, png }],
  );
  const sha256 = createHash('sha256').update(png).digest('hex');
  writeSync(1, `${JSON.stringify({ tguid, capture, sha256 })}\n`);
}
