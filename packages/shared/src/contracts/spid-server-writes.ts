import type { TransactionKind } from '../domain/transaction.ts';
import type { SpidServerOperation } from './spid-server-operation.ts';
import type { SpidServerOperationName } from './spid-server-operations.ts';
import { pathVariables } from './spid-server-params.ts';

/**
 * Which kind of transaction each write becomes, besides the two submissions `enroll` and `verify`. Sessions are opened and closed at once: they
 * are worth nothing later.
 */
export const spidWriteKinds = {
  deletePerson: 'spid.delete',
  deletePSBioPerson: 'spid.delete',
  redirectEnroll: 'spid.redirect',
  createRemoteVerify: 'spid.remote-verify',
  createRemoteEnroll: 'spid.remote-enroll',
  createRemoteCapture: 'spid.remote-verify',
  finishRemoteCapture: 'spid.command',
  notificationRemoteCapture: 'spid.command',
  faceDetect: 'spid.command',
  operatorInsert: 'spid.command',
  enrollOperator: 'spid.command',
  deleteOperator: 'spid.command',
  updateToken: 'spid.command',
  deprecatedDeletePerson: 'spid.command',
  deprecatedSearch: 'spid.command',
  deprecatedEnrollOperator: 'spid.command',
  deprecatedOperatorInsert: 'spid.command',
  deprecatedEnrollClient: 'spid.command',
  deprecatedCreateRemoteCaptureEnrollUsingPOST: 'spid.remote-enroll',
  deprecatedCreateRemoteCaptureUsingPOST_1: 'spid.remote-verify',
} as const satisfies Partial<Record<SpidServerOperationName, TransactionKind>>;

export type SpidWrite = keyof typeof spidWriteKinds;
export type SpidWriteKind = (typeof spidWriteKinds)[SpidWrite];

export function isSpidWrite(name: string): name is SpidWrite {
  return Object.hasOwn(spidWriteKinds, name);
}

/**
 * A write whose request is more than a body (path, query), as it is sealed: one small JSON. The others are sealed as they came, body alone, and
 * posted like that.
 */
export interface SpidWriteRequest {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  /** The body's JSON text; absent where the operation has none. */
  body?: string | undefined;
}

/** Whether a body alone is this operation's request. */
export function isBodyAlone({ path, query }: SpidServerOperation): boolean {
  return pathVariables(path).length === 0 && query === undefined;
}
