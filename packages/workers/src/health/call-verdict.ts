import type { UpstreamReason } from '@atesto/shared/upstreams/upstream';

/** What a call tells about the upstream itself. */
export type CallVerdict =
  /** It is there: it judged, took or refused. */
  | 'there'
  /** It is there and has too much to do. */
  | 'throttled'
  /** Nobody is there, or nobody who can work. */
  | 'away'
  /** Nothing: the fault is ours, or a credential's, which waiting does not mend. */
  | 'nothing';

/** A mishap that says nothing about whether the upstream can work. */
const tellsNothing: ReadonlySet<UpstreamReason> = new Set([
  'body-failed',
  'unauthorized',
  'forbidden',
  'token-refused',
  'token-locked',
  'conflict',
  'redirected',
  'tls-failed',
  'answer-unreadable',
  'answer-too-large',
  'accepted-without-id',
]);

/** An answer of it, or its absence, that is a sign of too much to do. */
const tellsOverload: ReadonlySet<UpstreamReason> = new Set([
  'service-unavailable',
  'timeout',
  'aborted',
  'gateway-timeout',
]);

/** @param result as for `verdictOf` */
export function isOverload({ kind, reason }: { kind: string; reason?: UpstreamReason }): boolean {
  return kind === 'throttled' || (kind !== 'refused' && reason !== undefined && tellsOverload.has(reason));
}

/** @param result what the port gives: for a submission or for a read */
export function verdictOf(result: { kind: string; reason?: UpstreamReason }): CallVerdict {
  if (result.kind === 'throttled') return 'throttled';
  if (result.kind !== 'unavailable' && result.kind !== 'unknown') return 'there';
  return result.reason && tellsNothing.has(result.reason) ? 'nothing' : 'away';
}
