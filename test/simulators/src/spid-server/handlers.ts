import type { ExternalResult, SpidServerOperationName, TransactionData } from '@atesto/shared/contracts/spid-server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { compare, type Matcher } from './biometrics.ts';
import { sendError } from './errors.ts';
import { drawReport, packReport, type ReportForm } from './report.ts';
import type { Person, SpidState, Transaction } from './state.ts';
import { elevenDigits, type Submission, validateSubmission } from './validate.ts';

export interface HandlerOptions {
  matches: Matcher;
  unknownPerson: 'search-failed' | 'not-found';
  checkOperators: boolean;
  operatorStatus: 200 | 302;
  reportForm: ReportForm;
  keepPictures: boolean;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** What each operation of the table does. A missing one does not compile. */
export function createHandlers(state: SpidState, options: HandlerOptions): Record<SpidServerOperationName, Handler> {
  /** The submission in a request, or undefined after the refusal has been sent. */
  function submission(request: FastifyRequest, reply: FastifyReply): Submission | undefined {
    const checked = validateSubmission(request.body, options.keepPictures);
    if ('errors' in checked) {
      sendError(reply, 400, checked.errors);
      return undefined;
    }
    const operator = state.operators.get(checked.operator);
    if (options.checkOperators && operator?.status !== 'VERIFIED' && operator?.status !== 'GOD_MODE') {
      sendError(reply, 422, ['operator may not submit'], 'PROCESSING_ERROR');
      return undefined;
    }
    return checked;
  }

  /** Answers with the transaction that the path names, if it is of the type. */
  function result(type: Transaction['type'], variable: string): Handler {
    return async (request, reply) => {
      const transaction = state.transaction(variableOf(request, variable));
      if (transaction?.type !== type) return sendError(reply, 404, ['no such transaction']);
      return sendJson(reply, 200, externalResult(transaction));
    };
  }

  return {
    enroll: async (request, reply) => {
      const checked = submission(request, reply);
      if (!checked) return reply;
      return sendJson(reply, 200, externalResult(state.accept('ENROLL', checked, 'ENROLL_PENDING')));
    },

    getEnrollResult: result('ENROLL', 'id'),

    verify: async (request, reply) => {
      const checked = submission(request, reply);
      if (!checked) return reply;
      state.settle();
      const known = state.people.get(checked.subject) ?? state.operators.get(checked.subject);
      if (!known && options.unknownPerson === 'not-found') return sendError(reply, 404, ['person is not enrolled']);
      const transaction = state.accept('SEARCH', checked, 'SEARCH_PENDING');
      const same = known && (await compare(known.biometrics, checked.biometrics, options.matches));
      transaction.status = same === undefined ? 'SEARCH_FAILED' : same ? 'SEARCH_MATCH' : 'SEARCH_NOT_MATCH';
      return sendJson(reply, 200, externalResult(transaction));
    },

    getSearchResult: result('SEARCH', 'tguid'),

    getPerson: async (request, reply) => {
      state.settle();
      const cpf = elevenDigits(variableOf(request, 'key'));
      if (!cpf) return sendError(reply, 400, ['key: not a CPF']);
      const person = state.people.get(cpf);
      return person ? sendJson(reply, 200, personBody(person)) : sendError(reply, 404, ['person is not enrolled']);
    },

    generateReport: async (request, reply) => {
      const transaction = state.transaction(variableOf(request, 'tguid'));
      if (!transaction) return sendError(reply, 404, ['no such transaction']);
      const { type, body } = packReport(await drawReport(transaction), options.reportForm);
      return reply.code(200).type(type).send(body);
    },

    getPersonTransactionData: async (request, reply) => {
      const cpf = elevenDigits(variableOf(request, 'cpf'));
      if (!cpf) return sendError(reply, 400, ['cpf: not a CPF']);
      const latest = state.transactions(cpf).at(-1);
      return latest ? sendJson(reply, 200, transactionBody(latest)) : sendError(reply, 404, ['no transaction']);
    },

    getOperator: async (request, reply) => {
      const cpf = elevenDigits(variableOf(request, 'key'));
      if (!cpf) return sendError(reply, 400, ['key: not a CPF']);
      const operator = state.operators.get(cpf);
      if (!operator) return sendError(reply, 404, ['no such operator']);
      const biometrics = [...operator.biometrics.values()].map(({ bytes, index, width, height, resolution }) => ({
        index,
        content: bytes.toString('base64'),
        width,
        height,
        resolution,
      }));
      const { status, tguid } = operator;
      return sendJson(reply, options.operatorStatus, { document: cpf, biometrics, status, tguid });
    },
  };
}

function variableOf(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? '';
}

function sendJson(reply: FastifyReply, status: number, body: object): FastifyReply {
  return reply.code(status).type('application/json').send(JSON.stringify(body));
}

function externalResult({ tguid, status }: Transaction): ExternalResult {
  return { id: tguid, message: '', status };
}

function transactionBody(transaction: Transaction): TransactionData {
  const { tguid, subject, operator, type, status, timestamp, psbioTcn, biometrics } = transaction;
  return {
    id: tguid,
    userId: subject,
    operatorId: operator,
    type,
    status,
    timestamp,
    psbioTcn,
    biometrics: [...biometrics],
  };
}

/** `Person` of the specification, with the fields whose values are public; contents are left out. */
function personBody(person: Person): object {
  return {
    'enroll-status': 'ENROLLED',
    'person-guid': person.guid,
    'transaction-guid': person.tguid,
    timestamp: new Date(person.enrolledAt).toISOString(),
    auxiliaries: [],
    biographics: [],
    biometrics: [...person.biometrics.values()].map(({ index, width, height, resolution }) => ({
      index,
      properties: { 'image-properties': { width, height, resolution } },
    })),
    keys: [],
    labels: [],
    metadata: '',
  };
}
