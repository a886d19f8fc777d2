import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { applyEvent } from '@atesto/shared/ledger/transactions';
import type { TransactionJob } from '@atesto/shared/queues/jobs';
import { VaultError } from '@atesto/shared/vault/vault-error';
import type { Decision } from '../decision.ts';
import { retryDelay } from '../retry-policy.ts';
import type { WorkContext } from '../work-context.ts';
import { decideSubmit } from './decide-submit.ts';

/**
 * Sends one transaction: claims it in the ledger, streams its sealed body from the vault to the upstream, and writes down what came of it. Whoever
 * comes second, or comes back late, finds the moment passed and does nothing.
 */
export async function submit(context: WorkContext, job: TransactionJob): Promise<void> {
  const { db, settings } = context;
  const claimed = await applyEvent(db, job, { type: 'claimed' }, { dueInMs: settings.leaseMs });
  if (!claimed) return;
  context.observe.transition(claimed, 'claimed');
  const decision = await send(context, claimed);
  const after = await applyEvent(db, claimed, decision.event, decision);
  if (after) context.observe.transition(after, decision.event.type);
}

async function send(context: WorkContext, claimed: TransactionRow): Promise<Decision> {
  const { vault, settings, random } = context;
  if (!claimed.wrappedKey) return { event: { type: 'refused', reason: 'payload-erased' } };
  const { kind, wrappedKey, attempt } = claimed;
  try {
    const payload = await vault.open(claimed.payload, wrappedKey);
    const upstream = context.upstreamOf(kind);
    const result = await context.observe.call(kind, 'submit', () =>
      upstream.submit(
        kind,
        // The first try gets the stream that is open already; a repeat opens a fresh one.
        {
          length: payload.length,
          open: reopenable(payload.stream, async () => (await vault.open(claimed.payload, wrappedKey)).stream),
        },
        { signal: AbortSignal.timeout(settings.submitTimeoutMs) },
      ),
    );
    return decideSubmit(result, attempt, { settleMs: settings.settleMs, random });
  } catch (error) {
    // The vault failed before anything was sent.
    if (!(error instanceof VaultError)) throw error;
    return error.kind === 'storage'
      ? { event: { type: 'failed', reason: 'vault-unavailable' }, dueInMs: retryDelay(attempt, random) }
      : { event: { type: 'refused', reason: `payload-${error.kind}` } };
  }
}

function reopenable<T>(first: T, again: () => Promise<T>): () => T | Promise<T> {
  let used = false;
  return () => {
    if (used) return again();
    used = true;
    return first;
  };
}
