import type { NewTransaction, TransactionView } from '@atesto/shared/contracts/gateway';
import { type BackOffOptions, backOffMs } from '../link/back-off.ts';
import { type GatewayClient, type GatewayResult, isAway } from '../link/gateway-client.ts';
import type { Outbox, OutboxItem } from './outbox.ts';
import { OutboxError } from './outbox-error.ts';
import type { CapturePackage } from './package.ts';

/** What came of one delivery. `reason` is a short code. */
export type DeliveryOutcome =
  | { kind: 'accepted'; view: TransactionView }
  /** Still in the outbox. `away`: nothing else would get through either. */
  | { kind: 'kept'; reason: string; away: boolean }
  | { kind: 'refused'; reason: string }
  /** It was not pending. */
  | { kind: 'gone' };

export interface DeliveryOptions {
  outbox: Outbox;
  gateway: Pick<GatewayClient, 'putCapture' | 'postTransaction'>;
  /** Epoch milliseconds. */
  now?: () => number;
  backOff?: BackOffOptions;
  onOutcome?: (item: OutboxItem, outcome: DeliveryOutcome) => void;
}

export const DEFAULT_BACK_OFF: BackOffOptions = { baseMs: 2_000, maxMs: 10 * 60_000 };

/** After this an item has to be collected anew (reference 6.5: mirrors the PSBio's rule of 30 days). */
export const EXPIRY_MS = 30 * 24 * 60 * 60_000;
/** The small rows of what was delivered are kept this long; the gateway knows them for good. */
const KEEP_DELIVERED_MS = 90 * 24 * 60 * 60_000;

/** The station's own fault or a gateway that is set up wrongly: the item is as good as before. */
const notTheItem = new Set([401, 403, 404, 405]);
/** Refusals that another upload mends: bytes hurt on the way, a picture that the gateway swept before its transaction came. */
const mendable = new Set(['digest-mismatch', 'unknown-capture']);

/** Brings pending items to the gateway: when asked, and by itself with back-off. Never two deliveries of one item at a time. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #now: () => number;
  readonly #backOff: BackOffOptions;
  readonly #underWay = new Map<string, Promise<DeliveryOutcome>>();
  /** Rounds in a row in which nothing got through. */
  #failures = 0;
  /** Epoch milliseconds before which the background does not try at all. */
  #notBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#backOff = options.backOff ?? DEFAULT_BACK_OFF;
  }

  /** Takes up what is pending, now; for the start, a link that came up, and new items. */
  wake(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    if (this.#round) {
      this.#again = true;
      return;
    }
    this.#round = this.#run(true).finally(() => {
      this.#round = undefined;
      if (this.#again) {
        this.#again = false;
        this.wake();
      } else this.#schedule();
    });
  }

  /** Delivers one pending item; a second call meanwhile gets the same outcome. `wait` as in `postTransaction`. */
  deliver(tguid: string, wait?: number): Promise<DeliveryOutcome> {
    const running = this.#underWay.get(tguid);
    if (running) return running;
    const work = this.#deliver(tguid, wait).finally(() => {
      this.#underWay.delete(tguid);
      if (!this.#round) this.#schedule();
    });
    this.#underWay.set(tguid, work);
    return work;
  }

  /** Delivers all that is pending, whatever its turn. Stops where the gateway is away. */
  async deliverAll(): Promise<{ delivered: number; kept: number; away: boolean }> {
    let delivered = 0;
    let kept = 0;
    for (const { tguid } of this.#options.outbox.pending()) {
      const outcome = await this.deliver(tguid);
      if (outcome.kind === 'accepted') delivered += 1;
      if (outcome.kind === 'kept') kept += 1;
      if (outcome.kind === 'kept' && outcome.away) return { delivered, kept, away: true };
    }
    return { delivered, kept, away: false };
  }

  /** Begins nothing more and waits for what is under way; close the gateway client first. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled([this.#round, ...this.#underWay.values()]);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const due = this.#closed ? undefined : this.#nextDue();
    if (due === undefined) return;
    const ms = Math.max(due, this.#notBefore) - this.#now();
    this.#timer = setTimeout(
      () => {
        this.#round ??= this.#run(false).finally(() => {
          this.#round = undefined;
          this.#schedule();
        });
      },
      Math.min(Math.max(ms, 0), this.#backOff.maxMs),
    );
    this.#timer.unref();
  }

  /** Epoch milliseconds at which the next item is due; undefined where nothing is pending. */
  #nextDue(): number | undefined {
    try {
      const due = this.#options.outbox
        .pending()
        .filter(({ tguid }) => !this.#underWay.has(tguid))
        .map((item) => item.dueAt);
      return due.length > 0 ? Math.min(...due) : undefined;
    } catch {
      return this.#now() + this.#backOff.maxMs;
    }
  }

  async #run(all: boolean): Promise<void> {
    try {
      this.#options.outbox.prune(this.#now() - KEEP_DELIVERED_MS);
      await this.#deliverDue(all);
    } catch {
      // Only the store can throw here; the items are where they were.
      this.#postponeAll();
    }
  }

  #postponeAll(): void {
    this.#failures += 1;
    this.#notBefore = this.#now() + backOffMs(this.#failures, this.#backOff);
  }

  async #deliverDue(all: boolean): Promise<void> {
    for (const item of this.#options.outbox.pending()) {
      if (this.#closed) return;
      const inMs = item.dueAt - this.#now();
      // Further ahead than any back-off: the clock was set back since.
      if (!all && inMs > 0 && inMs <= this.#backOff.maxMs) continue;
      const outcome = await this.deliver(item.tguid).catch((error: unknown) => this.#broken(item, error));
      if (outcome.kind === 'kept' && outcome.away) {
        this.#postponeAll();
        return;
      }
    }
    this.#failures = 0;
    this.#notBefore = 0;
  }

  /** The store itself failed (disk full, key missing): later again, the item is untouched. */
  #broken(item: OutboxItem, error: unknown): DeliveryOutcome {
    const reason = error instanceof OutboxError ? `outbox-${error.kind}` : 'outbox-io';
    const outcome: DeliveryOutcome = { kind: 'kept', reason, away: true };
    this.#options.onOutcome?.(item, outcome);
    return outcome;
  }

  async #deliver(tguid: string, wait: number | undefined): Promise<DeliveryOutcome> {
    const { outbox } = this.#options;
    const item = outbox.get(tguid);
    if (item?.state !== 'pending') return { kind: 'gone' };
    const outcome = await this.#send(item, wait);
    switch (outcome.kind) {
      case 'accepted':
        outbox.delivered(tguid);
        break;
      case 'refused':
        outbox.refused(tguid, outcome.reason, { destroy: outcome.reason === 'expired' });
        break;
      case 'kept':
        outbox.postponed(tguid, outcome.reason, this.#now() + backOffMs(item.attempts + 1, this.#backOff));
        break;
      case 'gone':
        break;
      default:
        outcome satisfies never;
    }
    this.#options.onOutcome?.(item, outcome);
    return outcome;
  }

  async #send(item: OutboxItem, wait: number | undefined): Promise<DeliveryOutcome> {
    const { outbox, gateway } = this.#options;
    if (item.createdAt < this.#now() - EXPIRY_MS) return { kind: 'refused', reason: 'expired' };
    let record: CapturePackage;
    try {
      record = outbox.read(item.tguid);
      // Nothing goes of a package that cannot be read whole.
      const pictures = capturesOf(record).map((capture) => [capture, outbox.image(item.tguid, capture)] as const);
      // All at once: each waits for the gateway's disk.
      const stored = await Promise.all(pictures.map(([capture, png]) => gateway.putCapture(capture, png)));
      const refused = stored.find((answer) => answer.kind !== 'ok');
      if (refused) return notAccepted(refused);
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      // A key that is missing from the ring may come back: nothing is given up for it.
      return { kind: 'kept', reason: `outbox-${error.kind}`, away: false };
    }
    const accepted = await gateway.postTransaction(transactionOf(record), wait);
    return accepted.kind === 'ok' ? { kind: 'accepted', view: accepted.value } : notAccepted(accepted);
  }
}

/** Ids of all pictures of a package. */
function capturesOf(record: CapturePackage): string[] {
  const { evidence } = record.operator;
  return [...record.biometrics.map(({ capture }) => capture), ...(evidence === undefined ? [] : [evidence])];
}

/** The package as the gateway takes it. */
export function transactionOf(record: CapturePackage): NewTransaction {
  const { cpf, verification, evidence } = record.operator;
  return {
    id: record.tguid,
    kind: `spid.${record.kind}`,
    subject: { cpf: record.subject },
    operator: { cpf, verification, ...(evidence !== undefined && { evidence }) },
    capturedAt: record.capturedAt,
    biometrics: record.biometrics,
    missingBiometrics: record.missingBiometrics ?? [],
  };
}

function notAccepted(result: Exclude<GatewayResult<unknown>, { kind: 'ok' }>): DeliveryOutcome {
  if (result.kind === 'unavailable') {
    const reason = result.status === undefined ? `gateway-${result.reason}` : `gateway-${result.status}`;
    return { kind: 'kept', reason, away: isAway(result) };
  }
  if (notTheItem.has(result.status)) return { kind: 'kept', reason: `gateway-${result.status}`, away: true };
  if (result.type !== undefined && mendable.has(result.type)) return { kind: 'kept', reason: result.type, away: false };
  return { kind: 'refused', reason: result.type ?? `gateway-${result.status}` };
}
