import { type Verdict, verdicts } from './transaction.ts';

/** What a status word may mean: the transaction waits on, it waits for the platform's people, or it ends with a verdict. */
export const spidStatusMeanings = ['pending', 'exception', ...verdicts] as const;
export type SpidStatusWords = Readonly<Record<string, (typeof spidStatusMeanings)[number]>>;

/**
 * What a status word of SPID Server means for a transaction. The enumeration is open (its documented list is cut off): a word that
 * is not here is kept verbatim, counted, and keeps the transaction waiting. Words marked P are provisional: no public page confirms them.
 */
export const spidStatusWords: SpidStatusWords = {
  SEARCH_PENDING: 'pending',
  SEARCH_ENQUEUED: 'pending',
  SEARCH_MATCH: 'match',
  SEARCH_NOT_MATCH: 'no-match',
  SEARCH_FAILED: 'failed',
  ENROLL_PENDING: 'pending',
  ENROLL_ENQUEUED: 'pending', // P
  ENROLL_EXCEPTION: 'exception', // P: waits for people at the AC
  ENROLL_OK: 'enrolled', // P
  ENROLL_VERIFIED: 'enrolled', // P
  ENROLL_REJECTED: 'rejected',
  ENROLL_FAILED: 'rejected', // P
  DELETE_PENDING: 'pending', // P, as the next two: from the PSBio's enumeration
  DELETE_OK: 'completed',
  DELETE_NOT_OK: 'failed',
  ERROR: 'failed',
};

/** Words whose meaning is published: nothing may give them another. */
export const publishedStatusWords: readonly string[] = [
  'SEARCH_PENDING',
  'SEARCH_ENQUEUED',
  'SEARCH_MATCH',
  'SEARCH_NOT_MATCH',
  'SEARCH_FAILED',
  'ENROLL_REJECTED',
];

export type SpidReading =
  | { final: true; verdict: Verdict }
  /** `exception`: people at the platform treat it. */
  | { final: false; recognised: boolean; exception?: boolean };

/** Reads a status word. Only a word known to be final ends a transaction; only `SEARCH_MATCH` is a positive identification. */
export function readSpidStatus(status: string, words: SpidStatusWords = spidStatusWords): SpidReading {
  const meaning = Object.hasOwn(words, status) ? words[status] : undefined;
  if (meaning === undefined) return { final: false, recognised: false };
  if (meaning === 'exception') return { final: false, recognised: true, exception: true };
  return meaning === 'pending' ? { final: false, recognised: true } : { final: true, verdict: meaning };
}
