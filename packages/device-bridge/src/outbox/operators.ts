import type { DatabaseSync } from 'node:sqlite';
import type { Cpf } from '@atesto/shared/domain/cpf';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import * as z from 'zod';
import { naming } from './outbox-error.ts';
import { readable } from './sealing.ts';

const operatorRecord = z.object({
  /** SPID Server's own word, as it was last given. */
  status: z.string(),
  /** Epoch milliseconds of that answer. */
  at: z.int(),
});
export type OperatorRecord = z.infer<typeof operatorRecord>;

/** Which operators logged in online at this station, for logging in while the server is away. Sealed; found by a keyed hash of the CPF. */
export class OperatorStore {
  readonly #db: DatabaseSync;
  readonly #keys: KeyRing;

  constructor(options: { db: DatabaseSync; keys: KeyRing }) {
    this.#db = options.db;
    this.#keys = options.keys;
  }

  /** @throws OutboxError */
  remember(cpf: Cpf, record: OperatorRecord): void {
    const id = this.#id(cpf);
    const sealed = this.#keys.sealText(JSON.stringify(record), context(id));
    naming('operator', () =>
      this.#db
        .prepare(
          `insert into operator (id, record) values (?, ?)
           on conflict (id) do update set record = excluded.record`,
        )
        .run(id, sealed),
    );
  }

  /** @throws OutboxError */
  forget(cpf: Cpf): void {
    naming('operator', () => this.#db.prepare('delete from operator where id = ?').run(this.#id(cpf)));
  }

  /** @throws OutboxError `unreadable` */
  recall(cpf: Cpf): OperatorRecord | undefined {
    const id = this.#id(cpf);
    const row = naming('operator', () => this.#db.prepare('select record from operator where id = ?').get(id));
    const sealed = row?.record;
    if (!(sealed instanceof Uint8Array)) return undefined;
    return readable(() => operatorRecord.parse(JSON.parse(this.#keys.openText(sealed, context(id)))));
  }

  #id(cpf: Cpf): Buffer {
    return this.#keys.mac('station operator', cpf);
  }
}

function context(id: Buffer): string {
  return `station.operator:${id.toString('hex')}`;
}
