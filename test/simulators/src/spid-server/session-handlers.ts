import { randomUUID } from 'node:crypto';
import { operatorStatuses, remoteCaptureRequest } from '@atesto/shared/contracts/spid-server';
import { jsonString } from '@atesto/shared/contracts/spid-server-session';
import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { operatorRows, sessionPerson, sessionResult, sessionTransaction } from './bodies.ts';
import { sendError } from './errors.ts';
import { checked, type Handler, type HandlerContext, type HandlersOf, sendJson, variableOf } from './http.ts';
import { openRemote } from './remote-handlers.ts';
import type { Transaction } from './state.ts';
import { clientUpdate, idnOf, SPID_SERVER_VERSION } from './system.ts';

type Names =
  | 'deprecatedLatestVersion'
  | 'deprecatedAuthenticate'
  | 'deprecatedDeletePerson'
  | 'deprecatedUpdateVersion'
  | 'deprecatedGetOperator'
  | 'deprecatedGetOperatorStatus'
  | 'deprecatedGetEnrollResult'
  | 'deprecatedGetSearchResult'
  | 'deprecatedGetPerson'
  | 'deprecatedOperatorList'
  | 'deprecatedOperatorInsert'
  | 'deprecatedPing'
  | 'deprecatedIdnSearch'
  | 'deprecatedCloseSession'
  | 'deprecatedCheckStatus'
  | 'deprecatedCreateRemoteCaptureEnrollUsingPOST'
  | 'deprecatedCreateRemoteCaptureUsingPOST_1';

/** What a bank's monitoring script looks for. */
const PING = 'Cluster Proxy is running';
const idnQuery = z.object({ idn: z.string().min(1) });

/** Whether a session is open; otherwise the refusal has been sent. The family declares no 401. */
export function isOpen({ system }: HandlerContext, session: string, reply: FastifyReply): boolean {
  if (system.sessions.has(session)) return true;
  sendError(reply, 403, ['session is not open']);
  return false;
}

/** The session-bound family: sessions and questions. */
export function sessionHandlers(context: HandlerContext): HandlersOf<Names> {
  const { state, system, options } = context;

  /** A handler behind an open session, whose GUID is in the path. */
  const inSession =
    (handle: (request: FastifyRequest, reply: FastifyReply, session: string) => FastifyReply): Handler =>
    async (request, reply) => {
      const session = variableOf(request, 'sessionGuid');
      if (!isOpen(context, session, reply)) return reply;
      state.settle();
      return handle(request, reply, session);
    };

  const result = (type: Transaction['type']) =>
    inSession((request, reply, session) => {
      const transaction = state.transaction(variableOf(request, 'transactionGuid'));
      if (transaction?.type !== type) return sendError(reply, 404, ['no such transaction']);
      const ids = { 'session-guid': session, 'transaction-guid': transaction.tguid };
      const transactions = [sessionTransaction(transaction)];
      return sendJson(reply, 200, sessionResult(transaction.status, { ...ids, transactions, count: 1 }));
    });

  const operator = (withPictures: boolean) =>
    inSession((request, reply, session) => {
      const cpf = variableOf(request, 'key');
      const found = state.operators.get(cpf);
      if (!found) return sendError(reply, 404, ['no such operator']);
      const ids = { 'session-guid': session, 'transaction-guid': found.tguid };
      const person = sessionPerson(cpf, withPictures ? found.biometrics : new Map());
      return sendJson(reply, 200, sessionResult(found.status, { ...ids, person, count: 1 }));
    });

  const remote =
    (purpose: 'verify' | 'enroll'): Handler =>
    async (request, reply) => {
      const query = request.query as Record<string, unknown>;
      const [clientID, operatorID, clientEmail] = ['clientID', 'operatorID', 'clientEmail'].map(
        (name) => query[`data.${name}`],
      );
      const body = checked(remoteCaptureRequest, { data: { clientID, operatorID, clientEmail } }, reply);
      return body ? openRemote(context, purpose, body, reply) : reply;
    };

  return {
    deprecatedLatestVersion: async (_request, reply) => sendJson(reply, 200, SPID_SERVER_VERSION),
    deprecatedPing: async (_request, reply) => reply.code(200).type('text/plain').send(PING),
    deprecatedCheckStatus: async (_request, reply) => {
      const isUp = Object.values(system.services).every((one) => one === 'ACTIVE');
      return sendJson(reply, 200, isUp ? 'ACTIVE' : 'INACTIVE');
    },
    deprecatedUpdateVersion: async (_request, reply) =>
      reply.code(200).type('application/octet-stream').send(clientUpdate('windows')),

    deprecatedAuthenticate: async (request, reply) => {
      const secret = checked(jsonString, request.body, reply);
      if (secret === undefined) return reply;
      const { credentials } = options;
      if (credentials && secret !== `${credentials.username}:${credentials.password}`) {
        return sendError(reply, 403, ['credentials are wrong']);
      }
      const session = randomUUID();
      system.sessions.add(session);
      return sendJson(reply, 200, session);
    },
    deprecatedCloseSession: async (request, reply) => {
      const session = checked(jsonString, request.body, reply);
      if (session === undefined) return reply;
      if (!system.sessions.delete(session)) return sendError(reply, 403, ['session is not open']);
      return sendJson(reply, 200, sessionResult('OK', { 'session-guid': session }));
    },

    deprecatedDeletePerson: inSession((request, reply, session) => {
      const cpf = variableOf(request, 'cpf');
      const person = state.people.get(cpf);
      if (!person) return sendError(reply, 404, ['person is not enrolled']);
      const { tguid, status } = state.acceptDeletion(cpf);
      const ids = { 'session-guid': session, 'transaction-guid': tguid, 'person-guid': person.guid };
      return sendJson(reply, 200, sessionResult(status, ids));
    }),
    deprecatedGetPerson: inSession((request, reply, session) => {
      const cpf = variableOf(request, 'key');
      const found = state.people.get(cpf);
      if (!found) return sendError(reply, 404, ['person is not enrolled']);
      const person = sessionPerson(cpf, found.biometrics);
      const ids = { 'session-guid': session, 'transaction-guid': found.tguid, 'person-guid': found.guid };
      return sendJson(reply, 200, sessionResult('OK', { ...ids, person, persons: [person], count: 1 }));
    }),
    deprecatedGetEnrollResult: result('ENROLL'),
    deprecatedGetSearchResult: result('SEARCH'),

    deprecatedGetOperator: operator(true),
    deprecatedGetOperatorStatus: operator(false),
    deprecatedOperatorList: async (_request, reply) => sendJson(reply, 200, operatorRows(state)),
    deprecatedOperatorInsert: async (request, reply) => {
      const document = variableOf(request, 'document');
      const status = operatorStatuses.find((one) => one === variableOf(request, 'status'));
      const known = state.operators.get(document);
      if (known && known.status !== 'DELETED') return sendError(reply, 409, ['operator is there']);
      state.seedOperator(document, status ?? 'PENDING');
      return sendJson(reply, 200, operatorRows(state));
    },

    deprecatedIdnSearch: async (request, reply) => {
      const query = checked(idnQuery, request.query, reply);
      if (!query) return reply;
      state.settle();
      const found = [...state.people].find(([cpf]) => idnOf(cpf) === query.idn)?.[1];
      return sendJson(reply, 200, found?.psbio ? 'ENROLLED' : 'NOT_FOUND');
    },

    deprecatedCreateRemoteCaptureEnrollUsingPOST: remote('enroll'),
    deprecatedCreateRemoteCaptureUsingPOST_1: remote('verify'),
  };
}
