import { expect, it } from 'vitest';
import { openAnswer, resealAnswer, sealAnswer } from './answer-column.ts';
import { createKeyRing, generateKey } from './key-ring.ts';

const [oldKey, newKey, indexKey] = [generateKey(), generateKey(), generateKey()];
const before = createKeyRing([{ id: 'old', key: oldKey }], indexKey);
const both = createKeyRing(
  [
    { id: 'new', key: newKey },
    { id: 'old', key: oldKey },
  ],
  indexKey,
);
const after = createKeyRing([{ id: 'new', key: newKey }], indexKey);
const [one, other] = ['0ef2b5a6-8f3c-4f6b-9f0a-1f0f3a5d9c11', '5b1d7c30-0f6e-4b55-8d0e-2a7f9b1c6e22'];

it.each([
  { status: 200, contentType: 'application/json', body: '{"tguid":"t","dynamicLink":"https://spid.example/x"}' },
  { status: 204, body: '' },
])('opens what it sealed, and shows nothing of it: $status', (answer) => {
  const sealed = sealAnswer(before, one, answer);
  expect(openAnswer(before, one, sealed)).toEqual(answer);
  for (const part of [one, 'dynamicLink', 'spid.example', 'status']) expect(sealed.includes(part), part).toBe(false);
});

it('does not open in another transaction’s place, nor changed', () => {
  const sealed = sealAnswer(before, one, { status: 200, body: '{}' });
  const tampered = expect.objectContaining({ kind: 'tampered' });
  expect(() => openAnswer(before, other, sealed)).toThrow(tampered);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  expect(() => openAnswer(before, one, sealed)).toThrow(tampered);
});

it('survives a rotation', () => {
  const answer = { status: 200, contentType: 'text/plain', body: 'é' };
  const sealed = sealAnswer(before, one, answer);
  const renewed = resealAnswer(both, one, sealed);
  expect(openAnswer(after, one, renewed)).toEqual(answer);
  expect(() => openAnswer(after, one, sealed)).toThrow(expect.objectContaining({ kind: 'unknown-key' }));
  expect(() => resealAnswer(both, other, sealed)).toThrow(expect.objectContaining({ kind: 'tampered' }));
});
