import type { TransactionView } from '@atesto/shared/contracts/gateway';
import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { parseCpf } from '@atesto/shared/domain/cpf';
import type { GatewayClient, GatewayResult } from '../link/gateway-client.ts';
import type { Outbox, OutboxItem } from '../outbox/outbox.ts';
import { badCpf } from './words.ts';

export interface Results {
  gateway: Pick<GatewayClient, 'getTransaction' | 'getReport' | 'latestTransaction'>;
  outbox: Pick<Outbox, 'get' | 'unsent' | 'read'>;
}

const TGUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export const unknownTguid: SpidServicesAnswer = { status: 'ERROR', message: 'no transaction has this TGUID' };

export function tguidOf(text: string): string | undefined {
  return TGUID.test(text) ? text.toLowerCase() : undefined;
}

/**
 * Capture Result by ID: what stands in the outbox, else what the gateway knows; a remote enrolment too, which has no call of its own (ambiguity A14).
 * Never asks about anything that is not a TGUID.
 */
export async function captureResult(deps: Results, text: string): Promise<SpidServicesAnswer> {
  const tguid = tguidOf(text);
  if (tguid === undefined) return unknownTguid;
  const item = deps.outbox.get(tguid);
  const here = item && heldHere(item);
  if (here) return here;
  const answer = await deps.gateway.getTransaction(tguid);
  if (answer.kind === 'ok') return resultOf(answer.value);
  return { tguid, ...noAnswer(answer) };
}

/** Remote Verify Result by ID. */
export async function remoteVerifyResult(
  { gateway }: Pick<Results, 'gateway'>,
  text: string,
): Promise<SpidServicesAnswer> {
  const tguid = tguidOf(text);
  if (tguid === undefined) return unknownTguid;
  const answer = await gateway.getTransaction(tguid);
  if (answer.kind !== 'ok') return { tguid, ...noAnswer(answer) };
  return answer.value.kind === 'spid.remote-verify' ? resultOf(answer.value) : unknownTguid;
}

/** Capture Result by Key: the latest transaction of this station about a person, whether it left the station or not. */
export async function captureResultByKey(deps: Results, text: string): Promise<SpidServicesAnswer> {
  const cpf = parseCpf(text);
  if (cpf === undefined) return badCpf;
  const item = latestHere(deps.outbox, cpf);
  const here = item && heldHere(item);
  const answer = await deps.gateway.latestTransaction(cpf);
  if (answer.kind !== 'ok') return here ?? noAnswer(answer);
  const { transaction } = answer.value;
  if (!transaction) return here ?? { status: 'ERROR', message: 'this station has no transaction of this CPF' };
  // By this station's own clock where it knows both.
  const thereSince = deps.outbox.get(transaction.id)?.createdAt ?? Date.parse(transaction.acceptedAt);
  return here && item && item.createdAt >= thereSince ? here : resultOf(transaction);
}

/** The newest item about a person that has not left. The CPF stands in the sealed package only. */
function latestHere(outbox: Results['outbox'], cpf: string): OutboxItem | undefined {
  return outbox.unsent().find(({ tguid }) => {
    try {
      return outbox.read(tguid).subject === cpf;
    } catch {
      return false; // its key may come back
    }
  });
}

/** What is answered for an item as long as the gateway does not have it. */
export function heldHere({ tguid, state, reason }: OutboxItem): SpidServicesAnswer | undefined {
  switch (state) {
    case 'pending':
      return { status: 'CAPTURE_PENDING', tguid };
    case 'ready':
      return { status: 'CAPTURE_PENDING', tguid, message: 'not sent yet: call Capture Send' };
    case 'refused':
      return { status: 'ERROR', tguid, message: refusal(reason) };
    case 'delivered':
      return undefined;
    default:
      return state satisfies never;
  }
}

/** The upstream's own word where there is one; ours only while there is none. */
export function resultOf(view: TransactionView): SpidServicesAnswer {
  const { id: tguid, state, kind, upstreamStatus, reason } = view;
  if (state === 'dead')
    return { status: 'ERROR', tguid, message: `a person has to look at it${reason ? ` (${reason})` : ''}` };
  if (state === 'erased') return { status: 'ERROR', tguid, message: 'its data was erased' };
  // A refusal of the request has no word of the server's.
  if (upstreamStatus?.startsWith('HTTP '))
    return { status: 'ERROR', tguid, message: `the server refused it (${upstreamStatus})` };
  if (upstreamStatus !== undefined) return { status: upstreamStatus, tguid };
  if (state === 'concluded') return { status: 'ERROR', tguid, message: 'it ended without a word of the server' };
  return { status: pendingWord(kind === 'spid.enroll' || kind === 'spid.remote-enroll' ? 'enroll' : 'verify'), tguid };
}

/** What stands for a result that the server has not given yet. */
export function pendingWord(kind: OutboxItem['kind']): string {
  return kind === 'enroll' ? 'ENROLL_PENDING' : 'SEARCH_PENDING';
}

/** Capture Report: the PDF, or why there is none. */
export async function captureReport(deps: Results, text: string): Promise<Uint8Array | SpidServicesAnswer> {
  const tguid = tguidOf(text);
  if (tguid === undefined) return unknownTguid;
  const item = deps.outbox.get(tguid);
  if (item?.state === 'ready' || item?.state === 'pending')
    return { status: 'ERROR', tguid, message: 'no report yet: the capture has not reached the server' };
  if (item?.state === 'refused') return { status: 'ERROR', tguid, message: refusal(item.reason) };
  const answer = await deps.gateway.getReport(tguid);
  if (answer.kind === 'refused' && answer.type === 'no-report-yet')
    return { status: 'ERROR', tguid, message: 'no report yet: ask again later' };
  return answer.kind === 'ok' ? answer.value : { tguid, ...noAnswer(answer) };
}

export function refusal(reason: string | undefined): string {
  if (reason === 'expired') return 'it waited longer than 30 days: capture it again';
  return `the gateway refused it${reason ? ` (${reason})` : ''}: a person has to look`;
}

export function noAnswer(result: Exclude<GatewayResult<unknown>, { kind: 'ok' }>): SpidServicesAnswer {
  if (result.kind === 'unavailable')
    return { status: 'ERROR', message: 'the gateway cannot be reached or has no answer yet: ask again later' };
  if (result.status === 404) return unknownTguid;
  return { status: 'ERROR', message: `the gateway refused the question (${result.type ?? result.status})` };
}
