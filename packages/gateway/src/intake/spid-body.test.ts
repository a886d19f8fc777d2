import { randomBytes, randomUUID } from 'node:crypto';
import { userTransactionRequest } from '@atesto/shared/contracts/spid-server';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import type { SealedBody, Vault } from '@atesto/shared/vault/vault';
import { describe, expect, it } from 'vitest';
import { spidBody } from './spid-body.ts';

const cpf = parseCpf('52998224725') as Cpf;

/** Only what the body asks of a vault: pictures in chunks of a given size. */
function shelf(pictures: Map<string, Buffer>, chunkBytes: number): Vault {
  return {
    async *open({ record }: SealedBody) {
      const bytes = pictures.get(record) as Buffer;
      for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    },
  } as unknown as Vault;
}

describe('spidBody', () => {
  it.each([1, 2, 3, 7, 64, 1_000, 65_536])(
    'is the vendor’s request, whatever the chunks (%i bytes)',
    async (chunkBytes) => {
      const pictures = new Map([0, 1, 2, 3, 1_000, 5_001].map((size) => [randomUUID(), randomBytes(size)]));
      const biometrics = [...pictures.keys()].map((record, index) => ({
        index,
        capture: {
          id: randomUUID(),
          owner: randomUUID(),
          format: 'png' as const,
          width: 357,
          height: 392,
          dpi: index === 0 ? undefined : 501,
          bytes: 0,
          sha256: Buffer.alloc(32),
          record,
          wrappedKey: Buffer.alloc(1),
          transactionId: undefined,
        },
      }));
      const missingBiometrics = [{ index: 9, type: 'AMPUTATED', reason: 'with "quotes" and\nlines' }];
      const chunks: Buffer[] = [];
      for await (const chunk of spidBody(shelf(pictures, chunkBytes), {
        biometrics,
        missingBiometrics,
        userId: cpf,
        operatorId: cpf,
        timestamp: 1_700_000_000_000,
      })) {
        chunks.push(chunk);
      }
      const { data } = userTransactionRequest.parse(JSON.parse(Buffer.concat(chunks).toString()));
      expect(data).toMatchObject({ userId: cpf, operatorId: cpf, timestamp: 1_700_000_000_000, missingBiometrics });
      expect(data.biometrics.map(({ content }) => Buffer.from(content, 'base64'))).toEqual([...pictures.values()]);
      expect(data.biometrics.map(({ resolution }) => resolution)).toEqual([500, 501, 501, 501, 501, 501]);
    },
  );
});
