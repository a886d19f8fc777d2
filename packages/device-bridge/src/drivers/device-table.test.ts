import { describe, expect, it } from 'vitest';
import type { UsbDeviceInfo } from '../transport/transport.ts';
import { isKnownDevice, matchDriver } from './device-table.ts';
import { URU4000_MODELS } from './uru4000-protocol.ts';

const device = (vendorId: number, productId: number, productName?: string): UsbDeviceInfo => ({
  id: 'x',
  vendorId,
  productId,
  release: 0x0100,
  ...(productName ? { productName } : {}),
});

describe('the device table', () => {
  it.each(URU4000_MODELS)('has $name with a driver that loads', async ({ vendorId, productId, name }) => {
    const match = matchDriver(device(vendorId, productId));
    expect(match).toMatchObject({ family: 'uru4000', model: name });
    expect((await match?.load())?.family).toBe('uru4000');
    expect(isKnownDevice({ vendorId, productId })).toBe(true);
  });

  it.each([
    ['the observed 4500', device(0x05ba, 0x000a, 'U.are.U® 4500 Fingerprint Reader'), 90],
    ['the observed Microsoft reader', device(0x045e, 0x00ca, 'Microsoft® Fingerprint Reader'), 100],
  ])('knows %s by its strings', (_, seen, score) => {
    expect(matchDriver(seen)?.score).toBe(score);
  });

  it.each([
    ['an unknown product of a known maker', device(0x05ba, 0x000e)],
    ['a known product of another maker', device(0x1491, 0x000a)],
    ['a keyboard of the same maker', device(0x045e, 0x0745, 'Microsoft Nano Transceiver')],
    ['an id that is used for another thing', device(0x045e, 0x00bb, 'USB Hub')],
  ])('has nothing for %s', (_, other) => {
    expect(matchDriver(other)).toBeUndefined();
  });

  it('has nothing where two rows fit equally well, and the better one otherwise', () => {
    const load = () => Promise.reject(new Error('not loaded here'));
    const row = { vendorId: 1, productId: 2, family: 'a', model: 'A', score: 80, name: /./, load };
    expect(matchDriver(device(1, 2), [row, { ...row, family: 'b' }])).toBeUndefined();
    expect(matchDriver(device(1, 2), [row, { ...row, family: 'b', score: 90 }])?.family).toBe('b');
  });
});
