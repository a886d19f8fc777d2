import { VaultError } from '@atesto/shared/vault/vault-error';
import { expect, it, vi } from 'vitest';
import { deadlineIn } from './deadline.ts';
import { outlast } from './outlast.ts';

const away = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
const wrong = Object.assign(new Error('syntax'), { code: '42601', severity: 'ERROR' });

it('tries again while the ledger is away', async () => {
  const work = vi.fn<() => Promise<string>>().mockRejectedValueOnce(away).mockResolvedValue('done');
  await expect(outlast(work, deadlineIn(10_000))).resolves.toBe('done');
  expect(work).toHaveBeenCalledTimes(2);
});

it('gives up when the time is over, and at once where trying again cannot help', async () => {
  const work = vi.fn<() => Promise<string>>().mockRejectedValue(away);
  await expect(outlast(work, deadlineIn(50))).rejects.toBe(away);
  expect(work).toHaveBeenCalledTimes(1);
  const refused = vi.fn<() => Promise<string>>().mockRejectedValue(wrong);
  await expect(outlast(refused, deadlineIn(10_000))).rejects.toBe(wrong);
  expect(refused).toHaveBeenCalledTimes(1);
  const sealed = vi.fn<() => Promise<string>>().mockRejectedValue(new VaultError('tampered', 'damaged'));
  await expect(outlast(sealed, deadlineIn(10_000))).rejects.toThrow(VaultError);
  expect(sealed).toHaveBeenCalledTimes(1);
});
