import type { ExternalResult, TransactionData } from '@atesto/shared/contracts/spid-server';
import type { ContentData, SpidPerson, TransactionResult } from '@atesto/shared/contracts/spid-server-session';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import { type StoredBiometric, wireOf } from './biometrics.ts';
import type { Operator, Person, SpidState, Transaction } from './state.ts';
import { idnOf } from './system.ts';

/** The wire's forms of what the state holds. */

export function externalResult({ tguid, status }: Transaction): ExternalResult {
  return { id: tguid, message: '', status };
}

export function transactionBody(transaction: Transaction, pictures: readonly StoredBiometric[] = []): TransactionData {
  const { tguid, subject, operator, type, status, timestamp, psbioTcn, biometrics } = transaction;
  return {
    id: tguid,
    userId: subject,
    operatorId: operator,
    type,
    status,
    timestamp,
    psbioTcn,
    biometrics: pictures.length > 0 ? pictures.map(wireOf) : [...biometrics],
  };
}

export function transactionByGuid({ tguid, status, type, biometrics, missing }: Transaction): object {
  return {
    id: tguid,
    status,
    type,
    transaction: { Biometrics: biometrics.map(({ index }) => ({ index })), MissingBiometrics: missing },
  };
}

/** `Person` of the specification. Values whose enumerations are cut off take the first that is published. */
export function personBody(cpf: string, person: Person): SpidPerson {
  const timestamp = new Date(person.enrolledAt).toISOString();
  return {
    approvement: { comments: '', status: 'PENDING', timestamp, user: '' },
    auxiliaries: [],
    biographics: [],
    biometrics: [...person.biometrics.values()].map((one) => contentData(one, timestamp)),
    'enroll-status': 'ENROLLED',
    keys: [{ name: 'cpf', value: cpf }],
    labels: [],
    metadata: '',
    'person-guid': person.guid,
    timestamp,
    'transaction-guid': person.tguid,
  };
}

function contentData(stored: StoredBiometric, captured: string): ContentData {
  const { index, width, height, resolution, bytes } = stored;
  return {
    index,
    content: bytes.toString('base64'),
    properties: {
      description: index === FACE_INDEX ? 'face' : 'fingerprint',
      quality: 0,
      index: 'NONE',
      location: 'NONE',
      anomaly: 'NONE',
      metadata: [],
      'capture-date': captured,
      'capture-type': 'FLAT',
      'template-properties': { resolution },
      'image-properties': { width, height, resolution, ratio: 1 },
    },
  };
}

export function operatorBody(cpf: string, { status, tguid, biometrics }: Operator) {
  return { document: cpf, biometrics: [...biometrics.values()].map(wireOf), status, tguid };
}

/** Valid operators, without pictures. */
export function operatorRows(state: SpidState) {
  state.settle();
  return [...state.operators]
    .filter(([, one]) => one.status !== 'DELETED')
    .map(([document, { status, tguid }]) => ({ document, status, tguid }));
}

/** What the session family answers: always all of its fields, as its specification shows them. */
export function sessionResult(status: string, more: Partial<TransactionResult> = {}): TransactionResult {
  return {
    status,
    code: 0,
    message: '',
    candidates: [],
    persons: [],
    transactions: [],
    progress: 100,
    count: 0,
    'enroll-transactions': [],
    ...more,
  };
}

export function sessionTransaction(transaction: Transaction) {
  return { ...transactionBody(transaction), gbdsTguid: transaction.tguid, spidxTguid: '' };
}

export function sessionPerson(cpf: string, biometrics: ReadonlyMap<number, StoredBiometric>) {
  return { userId: cpf, idn: idnOf(cpf), biometrics: [...biometrics.values()].map(wireOf), missingBiometrics: [] };
}
