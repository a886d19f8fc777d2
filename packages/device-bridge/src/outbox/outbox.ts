import type { DatabaseSync } from 'node:sqlite';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import { naming, OutboxError } from './outbox-error.ts';
import { type CaptureImage, type CapturePackage, capturePackage } from './package.ts';
import { newRecordKey, readable, recordKey, seal, unseal } from './sealing.ts';
import { inTransaction } from './store.ts';

/**
 * `ready`: complete, nobody asked to send it yet. `pending`: to be delivered, again and again. `delivered`: the gateway has it, the payload is
 * destroyed. `refused`: the gateway will not take it, a person has to look.
 */
export type OutboxState = 'ready' | 'pending' | 'delivered' | 'refused';

/** The small row: no personal data, kept when the payload is gone. */
export interface OutboxItem {
  tguid: string;
  kind: 'enroll' | 'verify';
  state: OutboxState;
  /** Epoch milliseconds. */
  createdAt: number;
  updatedAt: number;
  /** Deliveries tried. */
  attempts: number;
  /** Epoch milliseconds before which it is not tried again by itself. */
  dueAt: number;
  /** Short code of what stands in the way. */
  reason?: string;
}

export interface OutboxOptions {
  /** As `openStore` gives it. */
  db: DatabaseSync;
  /** The station's key ring. */
  keys: KeyRing;
  /** Epoch milliseconds. */
  now?: () => number;
}

const columns =
  'tguid, kind, state, created_at as createdAt, updated_at as updatedAt, attempts, due_at as dueAt, reason';

/** Store and forward. Each change is one committed statement before the call returns. */
export class Outbox {
  readonly #db: DatabaseSync;
  readonly #keys: KeyRing;
  readonly #now: () => number;

  constructor(options: OutboxOptions) {
    this.#db = options.db;
    this.#keys = options.keys;
    this.#now = options.now ?? Date.now;
  }

  /** Seals and stores a complete package as `ready`; on disk when it returns. @throws OutboxError `full`, `io`: nothing was stored */
  store(record: CapturePackage, images: readonly CaptureImage[]): void {
    const { tguid, kind } = record;
    const { key, wrapped } = newRecordKey(this.#keys, recordId(tguid));
    const body = seal(key, 'package', Buffer.from(JSON.stringify(record)));
    const sealed = images.map(({ capture, png }) => ({ capture, content: seal(key, capture, png) }));
    const now = this.#now();
    naming('store', () =>
      inTransaction(this.#db, () => {
        this.#db
          .prepare(
            `insert into item (tguid, kind, state, created_at, updated_at, wrapped_key, package)
             values (?, ?, 'ready', ?, ?, ?, ?)`,
          )
          .run(tguid, kind, now, now, wrapped, body);
        const insert = this.#db.prepare('insert into image (tguid, capture, content) values (?, ?, ?)');
        for (const { capture, content } of sealed) insert.run(tguid, capture, content);
      }),
    );
  }

  /** Hands a ready item over for delivery. False where it is not ready (any more). */
  release(tguid: string): boolean {
    return this.#move(tguid, 'ready', `state = 'pending'`);
  }

  /** The gateway has it: the payload is destroyed. */
  delivered(tguid: string): boolean {
    return this.#destroy(tguid, 'delivered', null);
  }

  /** The gateway will not take it. The payload stays for a person to look, unless it has to be collected anew anyway. */
  refused(tguid: string, reason: string, options: { destroy?: boolean } = {}): boolean {
    if (options.destroy) return this.#destroy(tguid, 'refused', reason);
    return this.#move(tguid, 'pending', `state = 'refused', attempts = attempts + 1, reason = ?`, reason);
  }

  /** Still pending; not tried by itself before `dueAt`. */
  postponed(tguid: string, reason: string, dueAt: number): boolean {
    return this.#move(tguid, 'pending', 'attempts = attempts + 1, reason = ?, due_at = ?', reason, dueAt);
  }

  /** Throws away a ready item that nobody will send (Switch Operator), row and all. */
  discard(tguid: string): boolean {
    const done = naming('discard', () =>
      this.#db.prepare(`delete from item where tguid = ? and state = 'ready'`).run(tguid),
    );
    this.#truncateLog();
    return done.changes > 0;
  }

  get(tguid: string): OutboxItem | undefined {
    return this.#rows('where tguid = ?', tguid)[0];
  }

  /** What waits for Capture Send, newest first. */
  ready(): OutboxItem[] {
    return this.#rows(`where state = 'ready' order by created_at desc`);
  }

  /** What waits for the gateway, oldest first. */
  pending(): OutboxItem[] {
    return this.#rows(`where state = 'pending' order by created_at`);
  }

  /** The newest items in whatever state, newest first. */
  newest(limit: number): OutboxItem[] {
    return this.#rows(`where true order by created_at desc, rowid desc limit ${limit}`);
  }

  /** What the gateway has not taken and whose payload is still here, newest first. */
  unsent(): OutboxItem[] {
    return this.#rows('where package is not null order by created_at desc, rowid desc');
  }

  /** @throws OutboxError `missing`, `unreadable` */
  read(tguid: string): CapturePackage {
    const row = naming('read', () =>
      this.#db.prepare('select wrapped_key as wrapped, package from item where tguid = ?').get(tguid),
    );
    const { wrapped, package: body } = row ?? {};
    if (!(wrapped instanceof Uint8Array && body instanceof Uint8Array)) throw missing();
    const key = recordKey(this.#keys, wrapped, recordId(tguid));
    return readable(() => capturePackage.parse(JSON.parse(unseal(key, 'package', body).toString('utf8'))));
  }

  /** One picture of a package. @throws OutboxError `missing`, `unreadable` */
  image(tguid: string, capture: string): Uint8Array {
    const row = naming('read', () =>
      this.#db
        .prepare(
          `select item.wrapped_key as wrapped, image.content from item join image using (tguid)
           where tguid = ? and capture = ?`,
        )
        .get(tguid, capture),
    );
    const { wrapped, content } = row ?? {};
    if (!(wrapped instanceof Uint8Array && content instanceof Uint8Array)) throw missing();
    return unseal(recordKey(this.#keys, wrapped, recordId(tguid)), capture, content);
  }

  /** Forgets delivered rows that are older than `before` (epoch milliseconds): the gateway still knows them. */
  prune(before: number): number {
    const done = naming('prune', () =>
      this.#db.prepare(`delete from item where state = 'delivered' and updated_at < ?`).run(before),
    );
    return Number(done.changes);
  }

  #move(tguid: string, from: OutboxState, change: string, ...values: (string | number)[]): boolean {
    const done = naming('update', () =>
      this.#db
        .prepare(`update item set ${change}, updated_at = ? where tguid = ? and state = ?`)
        .run(...values, this.#now(), tguid, from),
    );
    return done.changes > 0;
  }

  #destroy(tguid: string, state: 'delivered' | 'refused', reason: string | null): boolean {
    const changed = naming('update', () =>
      inTransaction(this.#db, () => {
        const done = this.#db
          .prepare(
            `update item set state = ?, reason = ?, attempts = attempts + 1, wrapped_key = null, package = null, updated_at = ?
             where tguid = ? and state = 'pending'`,
          )
          .run(state, reason, this.#now(), tguid);
        if (done.changes > 0) this.#db.prepare('delete from image where tguid = ?').run(tguid);
        return done.changes > 0;
      }),
    );
    this.#truncateLog();
    return changed;
  }

  /** Old pages in the log are cipher text with their wrapped key beside it: they go at once. */
  #truncateLog(): void {
    try {
      this.#db.exec('pragma wal_checkpoint(truncate)');
    } catch {
      // The change itself is committed; the next checkpoint does it.
    }
  }

  #rows(where: string, ...values: string[]): OutboxItem[] {
    const rows = naming('list', () => this.#db.prepare(`select ${columns} from item ${where}`).all(...values));
    return rows.map((row) => {
      const { reason, ...rest } = row as unknown as Omit<OutboxItem, 'reason'> & { reason: string | null };
      return { ...rest, ...(reason !== null && { reason }) };
    });
  }
}

function recordId(tguid: string): string {
  return `station.outbox:${tguid}`;
}

function missing(): OutboxError {
  return new OutboxError('missing', 'outbox: no such record');
}
