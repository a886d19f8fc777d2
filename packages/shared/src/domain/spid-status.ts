import type { Verdict } from './transaction.ts';

/**
 * What a status word of SPID Server means for a transaction. The enumeration is open (its documented list is cut off): a word that
 * is not here is kept verbatim, counted, and keeps the transaction waiting. Words marked P are provisional: no public page confirms them.
 */
const known: Readonly<Record<string, Verdict | 'pending'>> = {
  SEARCH_PENDING: 'pending',
  SEARCH_ENQUEUED: 'pending',
  SEARCH_MATCH: 'match',
  SEARCH_NOT_MATCH: 'no-match',
  SEARCH_FAILED: 'failed',
  ENROLL_PENDING: 'pending',
  ENROLL_ENQUEUED: 'pending', // P
  ENROLL_EXCEPTION: 'pending', // P: waits for people at the AC
  ENROLL_OK: 'enrolled', // P
  ENROLL_VERIFIED: 'enrolled', // P
  ENROLL_REJECTED: 'rejected',
  ENROLL_FAILED: 'rejected', // P
  ERROR: 'failed',
};

export type SpidReading = { final: true; verdict: Verdict } | { final: false; recognised: boolean };

/** Reads a status word. Only a word known to be final ends a transaction; only `SEARCH_MATCH` is a positive identification. */
export function readSpidStatus(status: string): SpidReading {
  const meaning = Object.hasOwn(known, status) ? known[status] : undefined;
  if (meaning === undefined) return { final: false, recognised: false };
  return meaning === 'pending' ? { final: false, recognised: true } : { final: true, verdict: meaning };
}
