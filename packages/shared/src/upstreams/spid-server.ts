import type * as z from 'zod';
import {
  type biometric,
  externalResult,
  type OperatorPayload,
  type TransactionData,
} from '../contracts/spid-server.ts';
import type { SpidWrite } from '../contracts/spid-server-writes.ts';
import type { Cpf } from '../domain/cpf.ts';
import { readSpidStatus, type SpidStatusWords } from '../domain/spid-status.ts';
import type { Outcome, SpidKind, Verdict } from '../domain/transaction.ts';
import { parseJson } from './exchange.ts';
import { submitFailure, submitWithoutAnswer } from './http-status.ts';
import { errorTypeOf } from './spid-answer.ts';
import { createSpidCall, type SpidCall } from './spid-calls.ts';
import { createSpidConnection, type SpidConnection, type SpidServerSettings } from './spid-connection.ts';
import { performWrite } from './spid-writes.ts';
import type { Read, Standing, SubmitOptions, SubmitResult, Upstream, UpstreamBody } from './upstream.ts';

/** What is sent with biometrics. */
export type SpidSubmissionKind = 'spid.enroll' | 'spid.verify';
type Biometric = z.output<typeof biometric>;

export interface SpidServerClient extends Upstream<SpidSubmissionKind, SpidKind> {
  /** Any operation of the table, typed by its row. What follows is for those whose answers need more than their schema. */
  call: SpidCall;
  /** The same without understanding it: the answer as it came, for a face that repeats it. Whether it is a success, the row tells. */
  send: SpidConnection['send'];
  /** Where a transaction of `kind` stands by the server's word, as a SPID profile may have it. */
  standing(kind: SpidKind, upstreamStatus: string): Standing;
  /** The person's latest transactions, newest as the server orders them; empty where it knows none. For reconciliation. */
  findTransaction(cpf: Cpf): Promise<Read<TransactionData[]>>;
  person(cpf: Cpf): Promise<Read<{ registered: boolean }>>;
  /** Undefined for an operator whom the server does not know; without a body (200 has no schema) only `found` is certain. */
  operator(cpf: Cpf): Promise<Read<{ found: boolean; payload?: OperatorPayload }>>;
  /** The transaction's report as PDF. */
  report(tguid: string): Promise<Read<Buffer>>;
  /** Makes any other write that is a transaction, from its request as it is sealed: a body alone, or a `SpidWriteRequest`. */
  perform(name: SpidWrite, request: UpstreamBody, options?: SubmitOptions): Promise<SubmitResult>;
  /** What a remote capture brought: one biometric or several (ambiguity A13). */
  remoteBiometrics(tguid: string): Promise<Read<Biometric[]>>;
}

/** What may end a transaction of each kind; another final word is kept as it is and ends nothing. */
const fitting: Record<SpidKind, readonly Verdict[]> = {
  'spid.enroll': ['enrolled', 'rejected', 'failed'],
  'spid.verify': ['match', 'no-match', 'failed'],
  'spid.redirect': ['match', 'no-match', 'failed'],
  'spid.remote-verify': ['match', 'no-match', 'failed'],
  'spid.remote-enroll': ['enrolled', 'rejected', 'failed'],
  'spid.delete': ['completed', 'failed'],
  'spid.command': [],
};

type ResultCall = 'getEnrollResult' | 'getSearchResult' | 'getDeleteResult';
/** Which call tells the result of each kind. A command has none: its answer is all. */
const resultCalls: Record<SpidKind, ResultCall | undefined> = {
  'spid.enroll': 'getEnrollResult',
  'spid.remote-enroll': 'getEnrollResult',
  'spid.verify': 'getSearchResult',
  'spid.redirect': 'getSearchResult',
  'spid.remote-verify': 'getSearchResult',
  'spid.delete': 'getDeleteResult',
  'spid.command': undefined,
};

/** A client of Griaule's SPID Server 4.2.12, driven by the operation table. */
export function createSpidServerClient(settings: SpidServerSettings): SpidServerClient {
  const connection = createSpidConnection(settings);
  const call = createSpidCall(connection);
  const { statuses } = connection;

  /** The result of a submission from the id and the word that it was answered with. */
  function submitted(kind: SpidKind, upstreamId: string, upstreamStatus: string, httpStatus: number): SubmitResult {
    if (upstreamId === '' || upstreamStatus === '') return { kind: 'unknown', reason: 'answer-unreadable', httpStatus };
    const outcome = finalOutcome(kind, upstreamStatus, statuses);
    return outcome ? { kind: 'answered', outcome, upstreamId } : { kind: 'taken', upstreamId, upstreamStatus };
  }

  return {
    call,
    send: (name, request) => connection.send(name, request),
    standing: (kind, upstreamStatus) => readSpidStanding(kind, upstreamStatus, statuses),

    async submit(kind: SpidSubmissionKind, body: UpstreamBody, options: SubmitOptions = {}): Promise<SubmitResult> {
      const name = kind === 'spid.enroll' ? 'enroll' : 'verify';
      const answer = await connection.send(name, { body, signal: options.signal });
      if (answer.kind === 'none') return submitWithoutAnswer(answer);
      if (answer.status < 200 || answer.status > 299) {
        return submitFailure(answer, connection.now(), errorTypeOf(answer));
      }
      const httpStatus = answer.status;
      if (!answer.body) return { kind: 'unknown', reason: answer.bodyFault ?? 'answer-lost', httpStatus };
      if (answer.body.length === 0) return { kind: 'unknown', reason: 'accepted-without-id', httpStatus };
      const result = externalResult.safeParse(parseJson(answer.body));
      if (!result.success) return { kind: 'unknown', reason: 'answer-unreadable', httpStatus };
      return submitted(kind, result.data.id, result.data.status, httpStatus);
    },

    async result(kind: SpidKind, tguid: string): Promise<Read<Standing>> {
      const name = resultCalls[kind];
      if (name === undefined) return { kind: 'not-found' };
      const found =
        name === 'getSearchResult'
          ? await call(name, { params: { tguid } })
          : await call(name, { params: { id: tguid } });
      if (found.kind !== 'ok') return found;
      const { status } = found.value;
      if (status === '') return { kind: 'unavailable', reason: 'answer-unreadable', httpStatus: 200 };
      return { kind: 'ok', value: readSpidStanding(kind, status, statuses) };
    },

    async findTransaction(cpf: Cpf): Promise<Read<TransactionData[]>> {
      const found = await call('getPersonTransactionData', { params: { cpf } });
      if (found.kind === 'not-found') return { kind: 'ok', value: [] };
      return found.kind === 'ok' ? { kind: 'ok', value: [found.value].flat() } : found;
    },

    async person(cpf: Cpf): Promise<Read<{ registered: boolean }>> {
      const found = await call('getPerson', { params: { key: cpf } });
      if (found.kind === 'not-found') return { kind: 'ok', value: { registered: false } };
      // Whatever the record looks like, 200 says that there is one.
      const there = found.kind === 'ok' || (found.kind === 'unavailable' && found.httpStatus === 200);
      return there ? { kind: 'ok', value: { registered: true } } : found;
    },

    async operator(cpf: Cpf): Promise<Read<{ found: boolean; payload?: OperatorPayload }>> {
      const found = await call('getOperator', { params: { key: cpf } });
      if (found.kind === 'not-found') return { kind: 'ok', value: { found: false } };
      if (found.kind !== 'ok') return found;
      return { kind: 'ok', value: found.value ? { found: true, payload: found.value } : { found: true } };
    },

    report(tguid: string): Promise<Read<Buffer>> {
      return call('generateReport', { params: { tguid } });
    },

    perform(name: SpidWrite, request: UpstreamBody, { signal }: SubmitOptions = {}): Promise<SubmitResult> {
      return performWrite(connection, submitted, name, request, signal);
    },

    async remoteBiometrics(tguid: string): Promise<Read<Biometric[]>> {
      const found = await call('getBiometrics', { params: { tguid } });
      return found.kind === 'ok' ? { kind: 'ok', value: [found.value].flat() } : found;
    },

    close: () => connection.close(),
  };
}

/** Where a transaction of `kind` stands, from the server's word. */
export function readSpidStanding(kind: SpidKind, upstreamStatus: string, statuses?: SpidStatusWords): Standing {
  const outcome = finalOutcome(kind, upstreamStatus, statuses);
  if (outcome) return { final: true, outcome };
  const reading = readSpidStatus(upstreamStatus, statuses);
  return { final: false, upstreamStatus, recognised: !reading.final && reading.recognised };
}

function finalOutcome(kind: SpidKind, upstreamStatus: string, statuses?: SpidStatusWords): Outcome | undefined {
  const reading = readSpidStatus(upstreamStatus, statuses);
  return reading.final && fitting[kind].includes(reading.verdict)
    ? { verdict: reading.verdict, upstreamStatus }
    : undefined;
}
