/**
 * The life of one transaction.
 *
 *   accepted ──claimed──▶ submitting ──taken──▶ awaiting ──concluded──▶ concluded
 *                │  ▲         │                    │ ▲ progressed
 *                │  claimed   ├─failed─▶ retrying  └─┘
 *                │  │         │             │
 *                │  └─────────┼─────────────┘
 *                │            ├─lost─▶ unknown ──found─▶ awaiting, ──absent─▶ retrying, ──concluded─▶ concluded
 *                │            ├─concluded─▶ concluded
 *                │            ├─voided─▶ retrying, from awaiting too
 *                │            └─refused─▶ dead
 *   retrying, unknown, awaiting ──abandoned─▶ dead ──resent─▶ where it came from
 *   accepted, retrying, concluded, dead ──erased─▶ erased
 *
 * `unknown` is not a failure: the upstream may or may not have it, so it is asked before anything is sent again.
 * What is at the upstream, or may be, is not erased: the wish is kept until its end is known, and nothing is sent meanwhile (`barredByErasure`).
 * Pure: the ledger applies what this file decides, in one guarded statement with its event.
 */

export const transactionStates = [
  'accepted',
  'submitting',
  'awaiting',
  'concluded',
  'retrying',
  'unknown',
  'dead',
  'erased',
] as const;
export type TransactionState = (typeof transactionStates)[number];

export const transactionKinds = [
  'spid.enroll',
  'spid.verify',
  'spid.delete',
  /** A rejected enrolment made into a search. */
  'spid.redirect',
  'spid.remote-verify',
  'spid.remote-enroll',
  /** Whatever else SPID Server is told to do; it is over with the answer. */
  'spid.command',
  /** IDCloud by Client, with a face. */
  'idcloud.process',
  /** IDCloud by Client, with a document. */
  'idcloud.document',
  /** IDCloud by Unico: a journey that Unico hosts. */
  'idcloud.unico',
] as const;
export type TransactionKind = (typeof transactionKinds)[number];
export type SpidKind = Extract<TransactionKind, `spid.${string}`>;
export type IdcloudKind = Exclude<TransactionKind, SpidKind>;

/** Whether SPID Server judges it; the others are IDCloud's. */
export function isSpidKind(kind: TransactionKind): kind is SpidKind {
  return kind.startsWith('spid.');
}

/** Our word for an answer. The upstream's own word is always kept beside it. */
export const verdicts = [
  'match',
  'no-match',
  'enrolled',
  'rejected',
  'failed',
  'completed',
  /** The upstream failed at it every time: people go on another way. */
  'contingency',
] as const;
export type Verdict = (typeof verdicts)[number];

/** Whether the operator who attends was identified at the upstream, or only captured for later. Never shown as verified when it was not. */
export const operatorVerifications = ['verified', 'deferred'] as const;
export type OperatorVerification = (typeof operatorVerifications)[number];

/** What the upstream finally said. `upstreamStatus` is its own word, verbatim. */
export interface Outcome {
  verdict: Verdict;
  upstreamStatus: string;
  /** What the verdict leaves open, as a short code from a closed set. */
  reason?: string;
}

/** An upstream's answer where its caller is owed it whole. `body` is text: no picture and no report. It may hold a secret. */
export interface KeptAnswer {
  /** HTTP. */
  status: number;
  contentType?: string | undefined;
  body: string;
}

/** Everything that can happen to a transaction. `reason` is a short code from a closed set, never an upstream's text. */
export type TransactionEvent =
  /** A worker took it and is about to send: a new attempt. */
  | { type: 'claimed' }
  /** The upstream has it and gave its id; the answer comes later. */
  | { type: 'taken'; upstreamId: string; upstreamStatus: string }
  /** Still waiting, but the upstream's word changed. */
  | { type: 'progressed'; upstreamStatus: string }
  | { type: 'concluded'; outcome: Outcome; upstreamId?: string }
  /** Certainly not taken by the upstream; due again. */
  | { type: 'failed'; reason: string }
  /** The upstream took it, and it came to nothing there: it is sent anew. */
  | { type: 'voided'; reason: string }
  /** The upstream will never take it as it is. */
  | { type: 'refused'; reason: string }
  /** The answer was lost, or the worker died while sending. */
  | { type: 'lost'; reason: string }
  /** Reconciliation found it at the upstream. */
  | { type: 'found'; upstreamId: string; upstreamStatus: string }
  /** Reconciliation proved that the upstream does not have it. */
  | { type: 'absent' }
  /** Nothing more happens by itself: a person has to look. */
  | { type: 'abandoned'; reason: string }
  /** A person asked for another try. */
  | { type: 'resent' }
  | { type: 'erased' };

export type TransactionEventType = TransactionEvent['type'];

/** The part of a transaction that decides what may happen next. */
export interface TransactionSnapshot {
  state: TransactionState;
  /** Sends begun so far. */
  attempt: number;
  /** For `dead`: the state it died in, where a resend takes it back to. */
  diedIn?: TransactionState | undefined;
}

/** A transaction as it is accepted. */
export const initialSnapshot: TransactionSnapshot = { state: 'accepted', attempt: 0 };

const allowedFrom: Record<TransactionEventType, readonly TransactionState[]> = {
  claimed: ['accepted', 'retrying'],
  taken: ['submitting'],
  progressed: ['awaiting'],
  concluded: ['submitting', 'awaiting', 'unknown'],
  failed: ['submitting'],
  voided: ['submitting', 'awaiting'],
  refused: ['submitting'],
  lost: ['submitting'],
  found: ['unknown'],
  absent: ['unknown'],
  abandoned: ['retrying', 'unknown', 'awaiting'],
  resent: ['dead'],
  erased: ['accepted', 'retrying', 'concluded', 'dead'],
};

export const transactionEventTypes = Object.keys(allowedFrom) as readonly TransactionEventType[];

/** States in which data may be destroyed: the upstream certainly does not have it, or nothing more is to be learnt from it. */
export const erasableStates: readonly TransactionState[] = allowedFrom.erased;

/** What happens no more once somebody asked for erasure: nothing is sent, and nothing that stopped is taken up again. */
export const barredByErasure: readonly TransactionEventType[] = ['claimed', 'resent'];

/** The snapshot after `event`, or undefined where the machine does not allow it. */
export function transition(now: TransactionSnapshot, event: TransactionEvent): TransactionSnapshot | undefined {
  if (!allowedFrom[event.type].includes(now.state)) return undefined;
  const { attempt } = now;
  switch (event.type) {
    case 'claimed':
      return { state: 'submitting', attempt: attempt + 1 };
    case 'taken':
    case 'found':
    case 'progressed':
      return { state: 'awaiting', attempt };
    case 'concluded':
      return { state: 'concluded', attempt };
    case 'failed':
    case 'voided':
    case 'absent':
      return { state: 'retrying', attempt };
    case 'lost':
      return { state: 'unknown', attempt };
    case 'refused':
    case 'abandoned':
      return { state: 'dead', attempt, diedIn: now.state };
    case 'resent':
      // What died while asking goes on asking: only a send that certainly had no effect is sent again.
      return { state: now.diedIn === 'unknown' || now.diedIn === 'awaiting' ? now.diedIn : 'retrying', attempt };
    case 'erased':
      return { state: 'erased', attempt };
    default:
      return event satisfies never;
  }
}

/** Folds an event log from acceptance on. Undefined where a step is not allowed. */
export function replay(events: Iterable<TransactionEvent>): TransactionSnapshot | undefined {
  let snapshot: TransactionSnapshot | undefined = initialSnapshot;
  for (const event of events) {
    snapshot = transition(snapshot, event);
    if (!snapshot) return undefined;
  }
  return snapshot;
}

/** States in which nothing happens any more without a person. */
export function isSettled(state: TransactionState): boolean {
  return state === 'concluded' || state === 'dead' || state === 'erased';
}
