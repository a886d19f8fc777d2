import { isSpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import { isSpidKind } from '@atesto/shared/domain/transaction';
import { takeParked } from '@atesto/shared/ledger/notices';
import { makeDue } from '@atesto/shared/ledger/schedule';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { countEvents } from '@atesto/shared/ledger/transactions';
import type { TransactionJob } from '@atesto/shared/queues/jobs';
import { sealAnswer } from '@atesto/shared/vault/answer-column';
import { VaultError } from '@atesto/shared/vault/vault-error';
import { type Deadline, deadlineIn } from '../deadline.ts';
import { decideVoided } from '../decide-voided.ts';
import type { Decision } from '../decision.ts';
import { outlast } from '../outlast.ts';
import type { WorkContext } from '../work-context.ts';
import type { SendFailure } from './after-failure.ts';
import { afterFailure } from './after-failure.ts';
import { decideSubmit } from './decide-submit.ts';
import { readAhead } from './read-ahead.ts';
import { whileLeased } from './while-leased.ts';

/**
 * Sends one transaction: claims it in the ledger, streams its sealed body from the vault to the upstream, and writes down what came of it. Whoever
 * comes second, or comes back late, finds the moment passed and does nothing.
 */
export async function submit(context: WorkContext, job: TransactionJob): Promise<void> {
  const { db, settings } = context;
  // Before the claim: by our reckoning it ends no later than by the ledger's.
  const lease = deadlineIn(settings.leaseMs);
  const claimed = await context.applyEvent(job, { type: 'claimed' }, { dueInMs: settings.leaseMs });
  if (!claimed) return;
  context.observe.transition(claimed, 'claimed');
  const decision = await send(context, claimed, lease);
  // An answer that is thrown away has to be asked for again, and IDCloud cannot be asked.
  const answerSealed = decision.kept && sealAnswer(context.keyRing, claimed.id, decision.kept);
  const after = await outlast(() => context.applyEvent(claimed, decision.event, { ...decision, answerSealed }), lease);
  if (!after) return;
  context.observe.transition(after, decision.event.type);
  // What was done to a remote capture moves it: its answer may be there.
  if (after.kind === 'spid.command' && after.origin) await makeDue(db, after.origin);
  // The notice may have been faster than the answer that names its process.
  if (decision.event.type === 'taken' && after.account && after.upstreamId) {
    await takeParked(db, after.account, after.upstreamId);
  }
}

async function send(context: WorkContext, claimed: TransactionRow, lease: Deadline): Promise<Decision> {
  const { vault, settings, random } = context;
  const { kind, operation, wrappedKey, attempt } = claimed;
  const after = (failure: SendFailure, reason: string) =>
    afterFailure(failure, { reason, attempt }, { settleMs: settings.settleMs, random });
  if (!wrappedKey) return after('body-unreadable', 'payload-erased');
  const write = isSpidKind(kind) ? operation : undefined;
  // Written by a later version than this one.
  if (write !== undefined && !isSpidWrite(write)) {
    return { event: { type: 'refused', reason: 'unknown-operation' } };
  }
  const upstream = context.upstreamOf(claimed);
  // Its account or key was taken out of the settings: it waits for it to come back.
  if (!upstream) return after('not-configured', 'not-configured');
  // And not `AbortSignal.timeout`, which stays until its time has come: at a thousand sends a second they were a hundred megabytes.
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(), settings.submitTimeoutMs);
  const fault: { damage?: VaultError } = {};
  const sealed = { record: claimed.payload, wrappedKey, bytes: claimed.payloadBytes };
  const ahead = readAhead(() => noticing(vault.open(sealed), fault));
  try {
    const body = { length: sealed.bytes, open: () => whileLeased(ahead.open(), lease) };
    const options = { signal: cut.signal };
    const result = await context.observe.call(claimed, 'submit', () =>
      write === undefined ? upstream.submit(kind, body, options) : context.spid.perform(write, body, options),
    );
    // A body that was damaged on disk shows while it flows: nothing whole was sent, and trying again mends nothing.
    if ('reason' in result && result.reason === 'body-failed' && fault.damage) throw fault.damage;
    if (result.kind === 'voided') {
      const before = await countEvents(context.db, claimed.id, 'voided');
      return decideVoided(result, { kind, operation, before }, random);
    }
    return decideSubmit(result, attempt, { kind, settleMs: settings.settleMs, random });
  } catch (error) {
    // The vault failed before anything whole was sent.
    if (!(error instanceof VaultError)) throw error;
    return error.kind === 'storage'
      ? after('vault-away', 'vault-unavailable')
      : after('body-unreadable', `payload-${error.kind}`);
  } finally {
    clearTimeout(timer);
    ahead.close();
  }
}

/** Passes a body on and remembers how the vault failed at it: to the wire every failure of a body looks alike. */
async function* noticing(
  body: AsyncIterable<Uint8Array>,
  fault: { damage?: VaultError },
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body;
  } catch (error) {
    if (error instanceof VaultError) fault.damage = error;
    throw error;
  }
}
