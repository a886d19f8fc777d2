import { createHash, timingSafeEqual } from 'node:crypto';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import canonicalize from 'canonicalize';
import type { ReportFacts } from './report-facts.ts';

/** What makes a report verifiable. */
export interface ReportSeal {
  /** The facts in canonical JSON (RFC 8785), as they are attached to the PDF. */
  bytes: Buffer;
  /** SHA-256 of `bytes`, lower-case hex: anybody can compute it. */
  hash: string;
  /** Says that this installation issued a report with this hash of this transaction. 32 hex digits in groups of four. */
  code: string;
}

/** 128 bits: a person may have to type it, and guesses can only be tried online. */
const CODE_BYTES = 16;

export function sealReport(keyRing: KeyRing, facts: ReportFacts): ReportSeal {
  const bytes = Buffer.from(canonicalize(facts) as string);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const code = codeOf(keyRing, facts.id, hash)
    .toString('hex')
    .replace(/(.{4})(?=.)/g, '$1-');
  return { bytes, hash, code };
}

/** Whether this installation gave a report of the transaction this code. Dashes, blanks and case of what was typed do not matter. */
export function isGenuine(keyRing: KeyRing, report: { transaction: string; hash: string; code: string }): boolean {
  const expected = codeOf(keyRing, report.transaction, report.hash.toLowerCase());
  const given = Buffer.from(report.code.replace(/[\s-]/g, ''), 'hex');
  return given.length === CODE_BYTES && timingSafeEqual(given, expected);
}

function codeOf(keyRing: KeyRing, transaction: string, hash: string): Buffer {
  return keyRing.mac('report', `${transaction}\n${hash}`).subarray(0, CODE_BYTES);
}
