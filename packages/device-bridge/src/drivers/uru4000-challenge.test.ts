import { expect, it } from 'vitest';
import { answerChallenge } from './uru4000-challenge.ts';

it('answers the recorded challenge as recorded', () => {
  const answer = answerChallenge(Buffer.from('4dae5a0b1247a86c9fbf29fdcc178a74', 'hex'));
  expect(Buffer.from(answer).toString('hex')).toBe('329351371e4adfb1f35f09f329c6ab46');
});

it('refuses anything but 16 bytes', () => {
  expect(() => answerChallenge(new Uint8Array(15))).toThrow(RangeError);
});
