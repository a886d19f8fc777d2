import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { parseContentDigest } from './content-digest.ts';

const hash = createHash('sha256').update('x').digest();
const field = `sha-256=:${hash.toString('base64')}:`;

it.each([
  ['alone', field],
  ['after another algorithm', `sha-512=:YQ==:, ${field}`],
  ['before another algorithm', `${field},sha-512=:YQ==:`],
])('reads SHA-256 %s', (_where, header) => expect(parseContentDigest(header)).toEqual(hash));

it.each([
  ['no header', undefined],
  ['another algorithm', 'sha-512=:YQ==:'],
  ['too few bytes', 'sha-256=:YQ==:'],
  ['hex', `sha-256=:${hash.toString('hex')}:`],
  ['the algorithm as a part of another name', `x-sha-256=:${hash.toString('base64')}:`],
])('refuses %s', (_what, header) => expect(parseContentDigest(header)).toBeUndefined());
