import type { TransactionView } from '@atesto/shared/contracts/gateway';
import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import type { GatewayClient, GatewayResult } from '../link/gateway-client.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { Outbox } from '../outbox/outbox.ts';

export interface Results {
  gateway: Pick<GatewayClient, 'getTransaction' | 'getReport' | 'resend'>;
  outbox: Pick<Outbox, 'get'>;
  delivery: Pick<Delivery, 'deliverAll'>;
}

const TGUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Capture Result by ID: what stands in the outbox, else what the gateway knows. Never asks about anything that is not a TGUID. */
export async function captureResult(deps: Results, text: string): Promise<SpidServicesAnswer> {
  const tguid = tguidOf(text);
  if (tguid === undefined) return unknown;
  const item = deps.outbox.get(tguid);
  if (item?.state === 'pending') return { status: 'CAPTURE_PENDING', tguid };
  if (item?.state === 'ready') return { status: 'CAPTURE_PENDING', tguid, message: 'not sent yet: call Capture Send' };
  if (item?.state === 'refused') return { status: 'ERROR', tguid, message: refusal(item.reason) };
  const answer = await deps.gateway.getTransaction(tguid);
  return answer.kind === 'ok' ? resultOf(answer.value) : { tguid, ...noAnswer(answer) };
}

/** The upstream's own word where there is one; ours only while there is none. */
export function resultOf(view: TransactionView): SpidServicesAnswer {
  const { id: tguid, state, kind, upstreamStatus, reason } = view;
  if (state === 'dead')
    return { status: 'ERROR', tguid, message: `a person has to look at it${reason ? ` (${reason})` : ''}` };
  if (state === 'erased') return { status: 'ERROR', tguid, message: 'its data was erased' };
  if (upstreamStatus !== undefined) return { status: upstreamStatus, tguid };
  if (state === 'concluded') return { status: 'ERROR', tguid, message: 'it ended without a word of the server' };
  return { status: kind === 'spid.enroll' ? 'ENROLL_PENDING' : 'SEARCH_PENDING', tguid };
}

/** Capture Report: the PDF, or why there is none. */
export async function captureReport(deps: Results, text: string): Promise<Uint8Array | SpidServicesAnswer> {
  const tguid = tguidOf(text);
  if (tguid === undefined) return unknown;
  const item = deps.outbox.get(tguid);
  if (item?.state === 'ready' || item?.state === 'pending')
    return { status: 'ERROR', tguid, message: 'no report yet: the capture has not reached the server' };
  if (item?.state === 'refused') return { status: 'ERROR', tguid, message: refusal(item.reason) };
  const answer = await deps.gateway.getReport(tguid);
  if (answer.kind === 'refused' && answer.type === 'no-report-yet')
    return { status: 'ERROR', tguid, message: 'no report yet: ask again later' };
  return answer.kind === 'ok' ? answer.value : { tguid, ...noAnswer(answer) };
}

/** Capture Resend All: everything that waits here, then everything of ours that failed behind the gateway. */
export async function resendAll(deps: Results): Promise<SpidServicesAnswer> {
  const { delivered, kept, away } = await deps.delivery.deliverAll();
  const again = away ? undefined : await deps.gateway.resend();
  if (again?.kind === 'ok' && kept === 0) return { status: 'OK', count: delivered + again.value.count };
  const count = delivered + (again?.kind === 'ok' ? again.value.count : 0);
  if (kept > 0) return { status: 'ERROR', count, message: 'not everything could be sent: it is kept and tried again' };
  return { status: 'ERROR', count, message: 'the gateway cannot be reached: try again later' };
}

const unknown: SpidServicesAnswer = { status: 'ERROR', message: 'no transaction has this TGUID' };

function tguidOf(text: string): string | undefined {
  return TGUID.test(text) ? text.toLowerCase() : undefined;
}

function refusal(reason: string | undefined): string {
  if (reason === 'expired') return 'it waited longer than 30 days: capture it again';
  return `the gateway refused it${reason ? ` (${reason})` : ''}: a person has to look`;
}

function noAnswer(result: Exclude<GatewayResult<unknown>, { kind: 'ok' }>): SpidServicesAnswer {
  if (result.kind === 'unavailable')
    return { status: 'ERROR', message: 'the gateway cannot be reached or has no answer yet: ask again later' };
  if (result.status === 404) return unknown;
  return { status: 'ERROR', message: `the gateway refused the question (${result.type ?? result.status})` };
}
