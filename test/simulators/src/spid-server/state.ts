import { randomUUID } from 'node:crypto';
import type { deletionReasons, operatorStatuses } from '@atesto/shared/contracts/spid-server';
import { type BiometricFacts, factsOf, type StoredBiometric } from './biometrics.ts';
import { RemoteCaptures } from './remote.ts';

export type OperatorStatus = (typeof operatorStatuses)[number];

export type DeletionReason = (typeof deletionReasons)[number];

export interface Transaction {
  tguid: string;
  /** The last one is ours: what the vendor calls the transaction that a face detection makes is not published. */
  type: 'ENROLL' | 'SEARCH' | 'DELETE' | 'FACE_DETECT';
  /** The vendor's word, as the result calls give it. */
  status: string;
  subject: string;
  operator: string;
  timestamp: number;
  psbioTcn: string;
  /** Epoch milliseconds by the simulator's clock. */
  acceptedAt: number;
  /** When it is decided; undefined once it has been, and while it waits for somebody. */
  dueAt: number | undefined;
  /** How a search ends that is decided later. */
  endsAs?: string;
  /** A deletion at the PSBio, with its reason. */
  mot?: DeletionReason;
  /** An enrolment that became a search. */
  redirected?: boolean;
  biometrics: readonly BiometricFacts[];
  missing: readonly { index: number; type: string }[];
}

export interface Person {
  guid: string;
  tguid: string;
  enrolledAt: number;
  /** Registered at the PSBio. Somebody who is not may be enrolled again. */
  psbio: boolean;
  biometrics: ReadonlyMap<number, StoredBiometric>;
}

export interface Operator {
  status: OperatorStatus;
  tguid: string;
  /** When an enrolled operator is verified. */
  dueAt?: number | undefined;
  biometrics: ReadonlyMap<number, StoredBiometric>;
}

export interface StateOptions {
  now: () => number;
  /** Until an enrolment is decided. */
  enrollDelayMs: number;
  /** What becomes of an enrolment of somebody who is enrolled. */
  duplicates: 'reject' | 'exception';
  /** False enrols people without their pictures. */
  keepPictures: boolean;
  /** Until a deletion is done, a search that is not made at once is decided, an enrolled operator is verified. */
  deleteDelayMs: number;
  searchDelayMs: number;
  operatorDelayMs: number;
}

/** What a transaction is about; a deletion has no pictures, a remote capture none yet. */
export interface Matter extends Pick<Transaction, 'subject' | 'operator' | 'timestamp' | 'missing'> {
  biometrics: readonly StoredBiometric[];
}

type Later = Partial<Pick<Transaction, 'dueAt' | 'endsAs' | 'mot'>>;

/**
 * What the simulated server holds. What takes time is decided when somebody looks and its time has come, in the order in which it was
 * accepted: no timers, so a test that owns the clock owns the outcome.
 */
export class SpidState {
  readonly people = new Map<string, Person>();
  readonly operators = new Map<string, Operator>();
  readonly remote = new RemoteCaptures();
  /** People deleted for fraud: they are not enrolled again. */
  readonly frauds = new Set<string>();
  readonly #options: StateOptions;
  readonly #transactions = new Map<string, Transaction>();
  #undecided: Transaction[] = [];
  /** Pictures of enrolments that may still be enrolled or redirected. */
  readonly #pictures = new Map<string, readonly StoredBiometric[]>();

  constructor(options: StateOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.now();
  }

  /** A new transaction; every accepted call makes one, a repeated call a second one. An enrolment is decided later, others as `later` says. */
  accept(type: Transaction['type'], matter: Matter, status: string, later?: Later): Transaction {
    const acceptedAt = this.now();
    const { subject, operator, timestamp, biometrics, missing } = matter;
    const tguid = randomUUID();
    const dueAt = type === 'ENROLL' && !later ? acceptedAt + this.#options.enrollDelayMs : later?.dueAt;
    const psbioTcn = randomUUID();
    const facts = biometrics.map(factsOf);
    const rest = { subject, operator, timestamp, psbioTcn, acceptedAt, biometrics: facts, missing };
    const transaction: Transaction = { tguid, type, status, ...rest, ...later, dueAt };
    this.#transactions.set(tguid, transaction);
    if (dueAt !== undefined) this.#undecided.push(transaction);
    if (type === 'ENROLL' && this.#options.keepPictures) this.#pictures.set(tguid, biometrics);
    return transaction;
  }

  /** A search whose result is known to the simulator and comes later. */
  acceptSearch(matter: Matter, endsAs: string): Transaction {
    return this.accept('SEARCH', matter, 'SEARCH_PENDING', { dueAt: this.now() + this.#options.searchDelayMs, endsAs });
  }

  acceptDeletion(subject: string, mot?: DeletionReason): Transaction {
    const matter = { subject, operator: '', timestamp: this.now(), biometrics: [], missing: [] };
    const dueAt = this.now() + this.#options.deleteDelayMs;
    return this.accept('DELETE', matter, 'DELETE_PENDING', { dueAt, ...(mot ? { mot } : {}) });
  }

  /** Gives a transaction that waited for its pictures what it needs to be decided. */
  proceed(transaction: Transaction, biometrics: readonly StoredBiometric[], endsAs?: string): void {
    const delay = transaction.type === 'ENROLL' ? this.#options.enrollDelayMs : this.#options.searchDelayMs;
    transaction.biometrics = biometrics.map(factsOf);
    transaction.dueAt = this.now() + delay;
    if (endsAs !== undefined) transaction.endsAs = endsAs;
    if (transaction.type === 'ENROLL') this.#pictures.set(transaction.tguid, biometrics);
    this.#undecided.push(transaction);
  }

  transaction(tguid: string): Transaction | undefined {
    this.settle();
    return this.#transactions.get(tguid);
  }

  /** Pictures of an enrolment that the server still has as they came. */
  picturesOf(tguid: string): readonly StoredBiometric[] {
    return this.#pictures.get(tguid) ?? [];
  }

  /** Transactions of a person (or all) in the order in which they were accepted. */
  transactions(subject?: string): Transaction[] {
    this.settle();
    const all = [...this.#transactions.values()];
    return subject === undefined ? all : all.filter((one) => one.subject === subject);
  }

  /** Decides what is due; with `all`, the rest too. */
  settle(all = false): void {
    const now = this.now();
    for (const tguid of this.remote.expire(now)) {
      const expired = this.#transactions.get(tguid);
      if (expired) expired.status = 'SEARCH_FAILED';
    }
    for (const operator of this.operators.values()) {
      if (operator.dueAt === undefined || (!all && operator.dueAt > now)) continue;
      operator.dueAt = undefined;
      operator.status = 'VERIFIED';
    }
    if (this.#undecided.length === 0) return;
    const due = (one: Transaction) => all || (one.dueAt ?? 0) <= now;
    const deciding = this.#undecided.filter(due);
    if (deciding.length === 0) return;
    this.#undecided = this.#undecided.filter((one) => !due(one));
    for (const one of deciding) this.#decide(one);
  }

  /** Gives a transaction its final word by hand, as the people at the AC do with an exception. `ENROLL_OK` enrols. */
  treat(tguid: string, status: string): boolean {
    const transaction = this.#transactions.get(tguid);
    if (!transaction) return false;
    this.#undecided = this.#undecided.filter((one) => one !== transaction);
    transaction.dueAt = undefined;
    transaction.status = status;
    if (transaction.type === 'ENROLL' && status === 'ENROLL_OK') this.#enroll(transaction);
    else if (status !== 'ENROLL_REJECTED') this.#pictures.delete(tguid);
    return true;
  }

  /** Gives a transaction another id; the old one is not known any more. */
  rename(from: string, to: string): void {
    const transaction = this.#transactions.get(from);
    if (!transaction) return;
    this.#transactions.delete(from);
    transaction.tguid = to;
    this.#transactions.set(to, transaction);
    const pictures = this.#pictures.get(from);
    this.#pictures.delete(from);
    if (pictures) this.#pictures.set(to, pictures);
    this.remote.rename(from, to);
  }

  #decide(transaction: Transaction): void {
    transaction.dueAt = undefined;
    const { type, subject, endsAs, mot } = transaction;
    if (type === 'DELETE') {
      const person = this.people.get(subject);
      if (mot === undefined) this.people.delete(subject);
      else if (person) person.psbio = false;
      if (mot === 'F') this.frauds.add(subject);
      transaction.status = 'DELETE_OK';
      return;
    }
    if (type !== 'ENROLL') {
      transaction.status = endsAs ?? 'ERROR';
      return;
    }
    const isDuplicate = this.people.get(subject)?.psbio === true;
    if (this.frauds.has(subject) || (isDuplicate && this.#options.duplicates === 'reject')) {
      transaction.status = 'ENROLL_REJECTED';
      return;
    }
    transaction.status = isDuplicate ? 'ENROLL_EXCEPTION' : 'ENROLL_OK';
    if (!isDuplicate) this.#enroll(transaction);
  }

  #enroll({ subject, tguid }: Transaction): void {
    this.seedPerson(subject, this.picturesOf(tguid), tguid);
    this.#pictures.delete(tguid);
  }

  seedPerson(cpf: string, biometrics: readonly StoredBiometric[], tguid: string = randomUUID()): void {
    const byIndex = new Map(biometrics.map((one) => [one.index, one]));
    this.people.set(cpf, { guid: randomUUID(), tguid, enrolledAt: this.now(), psbio: true, biometrics: byIndex });
  }

  seedOperator(cpf: string, status: OperatorStatus, biometrics: readonly StoredBiometric[] = []): void {
    const byIndex = new Map(biometrics.map((one) => [one.index, one]));
    this.operators.set(cpf, { status, tguid: randomUUID(), biometrics: byIndex });
  }

  /** Enrols an operator who was inserted: queued, and verified when the time has come. */
  enrollOperator(cpf: string, biometrics: readonly StoredBiometric[]): Operator {
    this.seedOperator(cpf, 'ENQUEUED', biometrics);
    const operator = this.operators.get(cpf) as Operator;
    operator.dueAt = this.now() + this.#options.operatorDelayMs;
    return operator;
  }
}
