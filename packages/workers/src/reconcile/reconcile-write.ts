import type { OperatorPayload, TransactionData } from '@atesto/shared/contracts/spid-server';
import { spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite, type SpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { isOfAnother } from '@atesto/shared/ledger/find-transactions';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { Read } from '@atesto/shared/upstreams/upstream';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { askDelay, pollDelay } from '../retry-policy.ts';
import type { WorkContext } from '../work-context.ts';

/** What the upstream's register says about a write whose answer was lost. */
export type Evidence =
  /** It had its effect; `word` is the upstream's own. */
  | { kind: 'done'; word: string }
  /** It is under way there, under this id. */
  | { kind: 'running'; id: string; word: string }
  /** It had none, or making it again does no harm. */
  | { kind: 'absent' }
  /** Nobody can tell: a person decides. */
  | { kind: 'inconclusive' };

type Known = { found: boolean; payload?: OperatorPayload };

/** An insertion shows in the register, whoever made it. */
export const insertedOperator = ({ found, payload }: Known): Evidence =>
  found && payload?.status !== 'DELETED' ? { kind: 'done', word: payload?.status ?? 'found' } : { kind: 'absent' };

/** Somebody without biometrics is `PENDING`; to give the same ones again does no harm. */
export const enrolledOperator = ({ payload }: Known): Evidence =>
  payload && payload.status !== 'PENDING' && payload.status !== 'DELETED'
    ? { kind: 'done', word: payload.status }
    : { kind: 'absent' };

export const deletedOperator = ({ found, payload }: Known): Evidence =>
  !found || payload?.status === 'DELETED' ? { kind: 'done', word: payload?.status ?? 'not-found' } : { kind: 'absent' };

/** Where a person's latest transaction is a deletion, they need no second one. */
export function deletedPerson(seen: readonly TransactionData[]): Evidence {
  const latest = latestOf(seen);
  return latest?.type === 'DELETE' ? { kind: 'running', id: latest.id, word: latest.status } : { kind: 'absent' };
}

/** The search that a redirection makes is of the same collection as the enrolment: operator and time are its. */
export function redirected(
  seen: readonly TransactionData[],
  enrolment: { upstreamId: string; operatorId: string; timestamp: number } | undefined,
): Evidence {
  if (!enrolment) return { kind: 'inconclusive' };
  const search = seen.find(
    ({ type, operatorId, timestamp }) =>
      type === 'SEARCH' && operatorId === enrolment.operatorId && timestamp === enrolment.timestamp,
  );
  if (search) return { kind: 'running', id: search.id, word: search.status };
  return latestOf(seen)?.id === enrolment.upstreamId ? { kind: 'absent' } : { kind: 'inconclusive' };
}

/** It moves the capture's word: in the register, or here already, where a poll was faster. */
export function finishedCapture(
  word: string,
  { upstreamStatus, updatedAt }: Pick<TransactionRow, 'upstreamStatus' | 'updatedAt'>,
  askedAt: Date,
): Evidence {
  return word === upstreamStatus && updatedAt <= askedAt ? { kind: 'absent' } : { kind: 'done', word };
}

function latestOf(seen: readonly TransactionData[]): TransactionData | undefined {
  return seen.reduce<TransactionData | undefined>(
    (latest, one) => (latest && latest.timestamp >= one.timestamp ? latest : one),
    undefined,
  );
}

type Context = Pick<WorkContext, 'db' | 'spid' | 'observe' | 'random'>;
type Look = (
  context: Context,
  row: TransactionRow,
  subject: Cpf | undefined,
  operator: Cpf | undefined,
) => Promise<Read<Evidence>>;

const register =
  (judge: (known: Known) => Evidence): Look =>
  async ({ spid }, _row, subject) =>
    subject ? read(await spid.operator(subject), judge) : inconclusive;
/** A person's latest deletion may be an earlier one: at the PSBio first, and then here. */
const deletion: Look = async ({ db, spid }, row, subject) => {
  if (!subject) return inconclusive;
  const found = read(await spid.findTransaction(subject), deletedPerson);
  const isEarlier =
    found.kind === 'ok' && found.value.kind === 'running' && (await isOfAnother(db, row, found.value.id));
  return isEarlier ? { kind: 'ok', value: { kind: 'absent' } } : found;
};

const inconclusive: Read<Evidence> = { kind: 'ok', value: { kind: 'inconclusive' } };

/** How each write's effect is looked for. Of those that are not here some may be made again, as their table says; of the others nobody can tell. */
const looks: Partial<Record<SpidWrite, Look>> = {
  operatorInsert: register(insertedOperator),
  deprecatedOperatorInsert: register(insertedOperator),
  enrollOperator: register(enrolledOperator),
  deleteOperator: register(deletedOperator),
  deletePerson: deletion,
  deletePSBioPerson: deletion,
  deprecatedDeletePerson: deletion,
  async redirectEnroll({ db, spid }, row, subject, operator) {
    const enrolment = row.origin === undefined ? undefined : await getTransaction(db, row.origin);
    if (!subject || !operator || !enrolment?.upstreamId || !enrolment.capturedAt) return inconclusive;
    const ours = {
      upstreamId: enrolment.upstreamId,
      operatorId: operator,
      timestamp: enrolment.capturedAt.getTime(),
    };
    return read(await spid.findTransaction(subject), (seen) => redirected(seen, ours));
  },
  /** A second one is refused, so it may be made where the capture's word has not moved. */
  async finishRemoteCapture({ db, spid }, row) {
    const capture = row.origin === undefined ? undefined : await getTransaction(db, row.origin);
    if (!capture?.upstreamId) return { kind: 'ok', value: { kind: 'absent' } };
    return read(await spid.call('getTransactionGuid', { params: { guid: capture.upstreamId } }), ({ status }) =>
      finishedCapture(status, capture, row.acceptedAt),
    );
  },
};

function read<T>(answer: Read<T>, judge: (value: T) => Evidence): Read<Evidence> {
  return answer.kind === 'ok' ? { kind: 'ok', value: judge(answer.value) } : answer;
}

/** Finds out what became of a write whose answer was lost. */
export async function reconcileWrite(
  context: Context,
  row: TransactionRow,
  unknownForMs: number,
  { subject, operator }: { subject: Cpf | undefined; operator: Cpf | undefined },
): Promise<Decision | KeepWaiting> {
  const found = await seek(context, row, subject, operator);
  return decideWrite(found, row.kind === 'spid.command', unknownForMs, context.random);
}

async function seek(
  context: Context,
  row: TransactionRow,
  subject: Cpf | undefined,
  operator: Cpf | undefined,
): Promise<Read<Evidence>> {
  const { operation } = row;
  if (operation === undefined || !isSpidWrite(operation)) return inconclusive;
  const look = looks[operation];
  if (look) return context.observe.call(row, 'findTransaction', () => look(context, row, subject, operator));
  const mayRepeat = spidServerOperations[operation].retry === 'repeat';
  return mayRepeat ? { kind: 'ok', value: { kind: 'absent' } } : inconclusive;
}

/** What the evidence means. A command is over once it had its effect; the others have an answer that is polled. */
export function decideWrite(
  found: Read<Evidence>,
  isCommand: boolean,
  unknownForMs: number,
  random: Random,
): Decision | KeepWaiting {
  if (found.kind !== 'ok') {
    return { dueInMs: askDelay(unknownForMs, random, 'retryAfterMs' in found ? found.retryAfterMs : 0) };
  }
  const evidence = found.value;
  switch (evidence.kind) {
    case 'absent':
      return { event: { type: 'absent' }, dueInMs: 0 };
    case 'inconclusive':
      return { event: { type: 'abandoned', reason: 'reconcile-inconclusive' } };
    case 'running':
      if (!isCommand) {
        const { id, word } = evidence;
        return {
          event: { type: 'found', upstreamId: id, upstreamStatus: word },
          dueInMs: pollDelay('spid.redirect', 0, random),
        };
      }
      break;
    case 'done':
      break;
    default:
      return evidence satisfies never;
  }
  return { event: { type: 'concluded', outcome: { verdict: 'completed', upstreamStatus: evidence.word } } };
}
