import type { HttpAnswer, NoAnswer } from './exchange.ts';
import { readRetryAfter } from './exchange.ts';
import type { Read, Refused, Throttled, Unavailable, Unknown, UpstreamReason } from './upstream.ts';

/** A 429 that does not say when to come back. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

type Row = { kind: 'refused' | 'unavailable' | 'unknown'; reason: UpstreamReason };

/**
 * What a status that is not a success means for something that was submitted. `unavailable` is only what certainly had no effect;
 * where a proxy may have spoken for a server that did act, it is `unknown`.
 */
const rows: Readonly<Record<number, Row>> = {
  400: { kind: 'refused', reason: 'bad-request' },
  401: { kind: 'unavailable', reason: 'unauthorized' },
  403: { kind: 'unavailable', reason: 'forbidden' },
  404: { kind: 'refused', reason: 'not-found' },
  408: { kind: 'unknown', reason: 'timeout' },
  409: { kind: 'unknown', reason: 'conflict' },
  410: { kind: 'refused', reason: 'gone' },
  413: { kind: 'refused', reason: 'too-large' },
  415: { kind: 'refused', reason: 'unsupported-media-type' },
  422: { kind: 'refused', reason: 'unprocessable' },
  500: { kind: 'unknown', reason: 'server-error' },
  502: { kind: 'unknown', reason: 'bad-gateway' },
  503: { kind: 'unavailable', reason: 'service-unavailable' },
  504: { kind: 'unknown', reason: 'gateway-timeout' },
};

function rowFor(status: number): Row {
  const row = rows[status];
  if (row) return row;
  if (status >= 500) return { kind: 'unknown', reason: 'server-error' };
  if (status >= 400) return { kind: 'refused', reason: 'client-error' };
  // A redirect after POST may stand for something that was done; anything else here is nonsense.
  return { kind: 'unknown', reason: status >= 300 ? 'redirected' : 'answer-unreadable' };
}

/** The result of a submission that ended in a status that is not a success. */
export function submitFailure(
  answer: HttpAnswer,
  now: number,
  upstreamCode?: string,
): Refused | Unavailable | Throttled | Unknown {
  const retryAfterMs = readRetryAfter(answer.headers, now);
  if (answer.status === 429) return { kind: 'throttled', retryAfterMs: retryAfterMs ?? DEFAULT_RETRY_AFTER_MS };
  const { kind, reason } = rowFor(answer.status);
  const fault = { reason, httpStatus: answer.status, ...(upstreamCode === undefined ? {} : { upstreamCode }) };
  if (kind === 'unavailable') return { kind, ...fault, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return { kind, ...fault };
}

/** The result of a submission that got no status line. */
export function submitWithoutAnswer(none: NoAnswer): Unavailable | Unknown {
  return { kind: none.began ? 'unknown' : 'unavailable', reason: none.reason };
}

/** The result of a read that did not succeed. A read changes nothing, so everything uncertain is `unavailable`. */
export function readFailure(
  answer: HttpAnswer | NoAnswer,
  now: number,
  upstreamCode?: string,
): Exclude<Read<never>, { kind: 'ok' }> {
  if (answer.kind === 'none') return { kind: 'unavailable', reason: answer.reason };
  if (answer.status === 404) return { kind: 'not-found' };
  const failure = submitFailure(answer, now, upstreamCode);
  return failure.kind === 'unknown' ? { ...failure, kind: 'unavailable' } : failure;
}
