import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { Delivery, DeliveryOutcome } from '../outbox/delivery.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { heldHere, noAnswer, resultOf, tguidOf, unknownTguid } from './results.ts';
import { sentAs } from './words.ts';

export interface Resend {
  gateway: Pick<GatewayClient, 'resend' | 'resendOne'>;
  outbox: Pick<Outbox, 'get'>;
  delivery: Pick<Delivery, 'deliver' | 'deliverAll'>;
  /** Seconds to wait for a verdict on a verification. */
  verdictWait: number;
}

/** Capture Resend All: everything that waits here, then everything of ours that failed behind the gateway. */
export async function resendAll(deps: Resend): Promise<SpidServicesAnswer> {
  const { delivered, kept, away } = await deps.delivery.deliverAll();
  const again = away ? undefined : await deps.gateway.resend();
  if (again?.kind === 'ok' && kept === 0) return { status: 'OK', count: delivered + again.value.count };
  const count = delivered + (again?.kind === 'ok' ? again.value.count : 0);
  if (kept > 0) return { status: 'ERROR', count, message: 'not everything could be sent: it is kept and tried again' };
  return { status: 'ERROR', count, message: 'the gateway cannot be reached: try again later' };
}

/** Capture Resend: the item that waits here, else what failed behind the gateway. Answers as Capture Send does (6.5). */
export async function resendOne(deps: Resend, text: string): Promise<SpidServicesAnswer> {
  const tguid = tguidOf(text);
  if (tguid === undefined) return unknownTguid;
  const item = deps.outbox.get(tguid);
  const wait = item?.kind === 'enroll' ? undefined : deps.verdictWait;
  if (item?.state === 'pending') {
    const outcome = await deliverNow(deps.delivery, tguid, wait);
    if (outcome.kind !== 'gone') return { tguid, ...sentAs(item.kind, outcome) };
  } else if (item) {
    const here = heldHere(item);
    if (here) return { ...here, status: 'ERROR' };
  }
  const answer = await deps.gateway.resendOne(tguid, wait);
  if (answer.kind !== 'ok') return { tguid, ...noAnswer(answer) };
  const { value: view } = answer;
  if (view.state === 'dead' || view.state === 'erased') return resultOf(view);
  return { tguid, ...sentAs(view.kind === 'spid.enroll' ? 'enroll' : 'verify', { kind: 'accepted', view }) };
}

/** Delivers a pending item; a store that fails keeps it. */
export function deliverNow(
  delivery: Pick<Delivery, 'deliver'>,
  tguid: string,
  wait?: number,
): Promise<DeliveryOutcome> {
  return delivery
    .deliver(tguid, wait)
    .catch((): DeliveryOutcome => ({ kind: 'kept', reason: 'outbox-io', away: false }));
}
