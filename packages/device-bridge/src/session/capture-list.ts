import { CAPTURE_LIST_MAX, type CaptureListItem } from '@atesto/shared/contracts/spid-services';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { heldHere, pendingWord, resultOf } from './results.ts';

export interface Listing {
  gateway: Pick<GatewayClient, 'findTransactions'>;
  outbox: Pick<Outbox, 'newest'>;
}

/** Capture List: the station's newest items. Without the gateway, what it has taken is listed as pending: its word is not known here. */
export async function captureList(deps: Listing): Promise<CaptureListItem[]> {
  const items = deps.outbox.newest(CAPTURE_LIST_MAX);
  const there = items.filter(({ state }) => state === 'delivered').map(({ tguid }) => tguid);
  const answer = there.length > 0 ? await deps.gateway.findTransactions(there) : undefined;
  const views = new Map(answer?.kind === 'ok' ? answer.value.transactions.map((view) => [view.id, view]) : []);
  return items.map((item) => {
    const { tguid, kind, createdAt, updatedAt } = item;
    const view = views.get(tguid);
    const { status } = heldHere(item) ?? (view ? resultOf(view) : { status: pendingWord(kind) });
    return {
      tguid,
      kind,
      status,
      createdAt: new Date(createdAt).toISOString(),
      updatedAt: view?.updatedAt ?? new Date(updatedAt).toISOString(),
    };
  });
}
