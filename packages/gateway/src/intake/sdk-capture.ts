import * as z from 'zod';
import { CLOCK_TOLERANCE_MS } from './clock-tolerance.ts';
import { IdcloudRefusal } from './idcloud-refusal.ts';

/** How long a capture of the SDK is good for. */
const LIFETIME_SECONDS = 600;

const header = z.looseObject({ alg: z.string() });
const times = z.object({ exp: z.number().optional(), iat: z.number().optional() });

/**
 * Whether a face is meant as a capture of the vendor's SDK: a compact JWS or JWE, which base64 never looks like. Only IDCloud can look inside; its
 * form and, where it can be read without a key, its time are checked. @throws IdcloudRefusal 10506, 10507
 */
export function isSdkCapture(text: string, nowMs: number): boolean {
  if (!text.includes('.') || !/^[\w.-]+$/.test(text)) return false;
  const parts = text.split('.');
  const [head = '', payload = ''] = parts;
  const signed = parts.length === 3 && parts.every((part) => part !== '');
  // A JWE may have an empty key: `head..iv.text.tag`.
  const encrypted = parts.length === 5 && parts.every((part, at) => part !== '' || at === 1);
  if (!(signed || encrypted) || !header.safeParse(decode(head)).success) throw new IdcloudRefusal(10506);
  const { exp, iat } = times.safeParse(decode(signed ? payload : head)).data ?? {};
  const end = exp ?? (iat === undefined ? undefined : iat + LIFETIME_SECONDS);
  if (end !== undefined && end * 1000 <= nowMs - CLOCK_TOLERANCE_MS) throw new IdcloudRefusal(10507);
  return true;
}

/** The JSON of a part; undefined where it is none, as an encrypted one. */
function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined;
  }
}
