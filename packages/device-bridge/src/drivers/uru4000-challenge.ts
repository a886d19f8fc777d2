import { createCipheriv } from 'node:crypto';

/** The same in every Microsoft reader v2; it only tells the reader that the host knows the protocol. */
const KEY = Buffer.from('79ac91795ca1478e98e00f3c598f5f4b', 'hex');

/** Answer to the 16 bytes read from the challenge register: one block of AES-128-ECB. */
export function answerChallenge(challenge: Uint8Array): Uint8Array {
  if (challenge.length !== 16) throw new RangeError('a challenge has 16 bytes');
  const cipher = createCipheriv('aes-128-ecb', KEY, null).setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(challenge), cipher.final()]));
}
