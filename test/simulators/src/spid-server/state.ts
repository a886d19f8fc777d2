import { randomUUID } from 'node:crypto';
import type { operatorStatuses } from '@atesto/shared/contracts/spid-server';
import { type BiometricFacts, factsOf, type StoredBiometric } from './biometrics.ts';
import type { Submission } from './validate.ts';

export type OperatorStatus = (typeof operatorStatuses)[number];

export interface Transaction {
  tguid: string;
  type: 'ENROLL' | 'SEARCH';
  /** The vendor's word, as the result calls give it. */
  status: string;
  subject: string;
  operator: string;
  timestamp: number;
  psbioTcn: string;
  /** Epoch milliseconds by the simulator's clock. */
  acceptedAt: number;
  /** When an enrolment is decided; undefined once it has been. */
  dueAt: number | undefined;
  biometrics: readonly BiometricFacts[];
  missing: readonly { index: number; type: string }[];
}

export interface Person {
  guid: string;
  tguid: string;
  enrolledAt: number;
  biometrics: ReadonlyMap<number, StoredBiometric>;
}

export interface Operator {
  status: OperatorStatus;
  tguid: string;
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
}

/**
 * What the simulated server holds. Enrolments are decided when somebody looks and their time has come, in the order in which they were
 * accepted: no timers, so a test that owns the clock owns the outcome.
 */
export class SpidState {
  readonly people = new Map<string, Person>();
  readonly operators = new Map<string, Operator>();
  readonly #options: StateOptions;
  readonly #transactions = new Map<string, Transaction>();
  #undecided: Transaction[] = [];
  /** Pictures of enrolments that may still be enrolled: undecided, or handed to people. */
  readonly #pictures = new Map<string, readonly StoredBiometric[]>();

  constructor(options: StateOptions) {
    this.#options = options;
  }

  /** A new transaction; every accepted call makes one, a repeated call a second one. */
  accept(type: Transaction['type'], submission: Submission, status: string): Transaction {
    const acceptedAt = this.#options.now();
    const { subject, operator, timestamp, biometrics, missing } = submission;
    const tguid = randomUUID();
    const dueAt = type === 'ENROLL' ? acceptedAt + this.#options.enrollDelayMs : undefined;
    const psbioTcn = randomUUID();
    const facts = biometrics.map(factsOf);
    const rest = { subject, operator, timestamp, psbioTcn, acceptedAt, dueAt, biometrics: facts, missing };
    const transaction: Transaction = { tguid, type, status, ...rest };
    this.#transactions.set(tguid, transaction);
    if (dueAt !== undefined) {
      this.#undecided.push(transaction);
      if (this.#options.keepPictures) this.#pictures.set(tguid, biometrics);
    }
    return transaction;
  }

  transaction(tguid: string): Transaction | undefined {
    this.settle();
    return this.#transactions.get(tguid);
  }

  /** Transactions of a person (or all) in the order in which they were accepted. */
  transactions(subject?: string): Transaction[] {
    this.settle();
    const all = [...this.#transactions.values()];
    return subject === undefined ? all : all.filter((one) => one.subject === subject);
  }

  /** Decides the enrolments that are due; with `all`, the others too. */
  settle(all = false): void {
    if (this.#undecided.length === 0) return;
    const now = this.#options.now();
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
    else this.#pictures.delete(tguid);
    return true;
  }

  #decide(transaction: Transaction): void {
    transaction.dueAt = undefined;
    if (this.people.has(transaction.subject)) {
      const rejects = this.#options.duplicates === 'reject';
      transaction.status = rejects ? 'ENROLL_REJECTED' : 'ENROLL_EXCEPTION';
      if (rejects) this.#pictures.delete(transaction.tguid);
      return;
    }
    transaction.status = 'ENROLL_OK';
    this.#enroll(transaction);
  }

  #enroll({ subject, tguid }: Transaction): void {
    this.seedPerson(subject, this.#pictures.get(tguid) ?? [], tguid);
    this.#pictures.delete(tguid);
  }

  seedPerson(cpf: string, biometrics: readonly StoredBiometric[], tguid: string = randomUUID()): void {
    const byIndex = new Map(biometrics.map((one) => [one.index, one]));
    this.people.set(cpf, { guid: randomUUID(), tguid, enrolledAt: this.#options.now(), biometrics: byIndex });
  }

  seedOperator(cpf: string, status: OperatorStatus, biometrics: readonly StoredBiometric[] = []): void {
    const byIndex = new Map(biometrics.map((one) => [one.index, one]));
    this.operators.set(cpf, { status, tguid: randomUUID(), biometrics: byIndex });
  }
}
