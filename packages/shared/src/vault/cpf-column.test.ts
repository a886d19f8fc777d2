import { expect, it } from 'vitest';
import type { Cpf } from '../domain/cpf.ts';
import { parseCpf } from '../domain/cpf.ts';
import { openCpf, resealCpf, sealCpf } from './cpf-column.ts';
import { createKeyRing, generateKey } from './key-ring.ts';

const [ana, bento] = ['52998224725', '11144477735'].map((text) => parseCpf(text)) as [Cpf, Cpf];
const [oldKey, newKey, indexKey] = [generateKey(), generateKey(), generateKey()];
const before = createKeyRing([{ id: 'old', key: oldKey }], indexKey);
const after = createKeyRing(
  [
    { id: 'new', key: newKey },
    { id: 'old', key: oldKey },
  ],
  indexKey,
);

it('finds and opens what it sealed, and shows nothing of it', () => {
  const row = sealCpf(before, ana);
  expect(openCpf(before, row)).toBe(ana);
  expect(sealCpf(before, ana).cpfIndex).toEqual(row.cpfIndex);
  expect(Buffer.concat([row.cpfIndex, row.cpfSealed]).includes(ana)).toBe(false);
});

it('does not open in another row’s place', () => {
  const swapped = { cpfIndex: sealCpf(before, bento).cpfIndex, cpfSealed: sealCpf(before, ana).cpfSealed };
  expect(() => openCpf(before, swapped)).toThrow(expect.objectContaining({ kind: 'tampered' }));
});

it('survives a rotation: the index stays, the text comes under the active key', () => {
  const row = sealCpf(before, ana);
  const renewed = { ...row, cpfSealed: resealCpf(after, row) };
  expect(sealCpf(after, ana).cpfIndex).toEqual(row.cpfIndex);
  expect(after.keyIdOf(renewed.cpfSealed)).toBe('new');
  expect(openCpf(after, renewed)).toBe(ana);
});
