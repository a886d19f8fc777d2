import { compare, type StoredBiometric } from './biometrics.ts';
import { externalResult, personBody, transactionBody, transactionByGuid } from './bodies.ts';
import { sendError } from './errors.ts';
import { type Handler, type HandlerContext, type HandlersOf, mayAct, sendJson, variableOf } from './http.ts';
import { drawReport, packReport } from './report.ts';
import type { Transaction } from './state.ts';
import { validateSubmission } from './validate.ts';

type Names =
  | 'enroll'
  | 'getEnrollResult'
  | 'verify'
  | 'getSearchResult'
  | 'getPerson'
  | 'deletePerson'
  | 'deletePSBioPerson'
  | 'getDeleteResult'
  | 'redirectEnroll'
  | 'generateReport'
  | 'getTransactionGuid'
  | 'getTransactionData'
  | 'getPersonTransactionData';

/** The word for a search of somebody's record. */
export async function searchWord(
  { state, options }: HandlerContext,
  subject: string,
  biometrics: readonly StoredBiometric[],
): Promise<string> {
  state.settle();
  const known = state.people.get(subject) ?? state.operators.get(subject);
  const same = known && (await compare(known.biometrics, biometrics, options.matchers));
  return same === undefined ? 'SEARCH_FAILED' : same ? 'SEARCH_MATCH' : 'SEARCH_NOT_MATCH';
}

/** Enrolment, search, deletion, redirection, reports and transactions. */
export function peopleHandlers(context: HandlerContext): HandlersOf<Names> {
  const { state, options } = context;

  /** The submission in a request, or undefined after the refusal has been sent. */
  const submission = (...[request, reply]: Parameters<Handler>) => {
    const found = validateSubmission(request.body, options.keepPictures);
    if (!('errors' in found)) return mayAct(context, found.operator, reply) ? found : undefined;
    sendError(reply, 400, found.errors);
    return undefined;
  };

  /** Answers with the transaction that the path names, if it is of the type. */
  const result =
    (type: Transaction['type'], variable: string): Handler =>
    async (request, reply) => {
      const transaction = state.transaction(variableOf(request, variable));
      if (transaction?.type !== type) return sendError(reply, 404, ['no such transaction']);
      return sendJson(reply, 200, externalResult(transaction));
    };

  /** Answers with a view of the transaction that the path names, of any type. */
  const view =
    (variable: string, body: (transaction: Transaction) => object): Handler =>
    async (request, reply) => {
      const transaction = state.transaction(variableOf(request, variable));
      return transaction ? sendJson(reply, 200, body(transaction)) : sendError(reply, 404, ['no such transaction']);
    };

  const deletion: Handler = async (request, reply) => {
    const cpf = variableOf(request, 'cpf');
    const mot = variableOf(request, 'mot');
    state.settle();
    const person = state.people.get(cpf);
    if (!person || (mot !== '' && !person.psbio)) return sendError(reply, 404, ['person is not enrolled']);
    const transaction = state.acceptDeletion(cpf, mot === 'E' || mot === 'F' ? mot : undefined);
    if (options.deletionStatus === 204) return reply.code(204).send();
    return sendJson(reply, 200, externalResult(transaction));
  };

  return {
    enroll: async (request, reply) => {
      const found = submission(request, reply);
      if (!found) return reply;
      return sendJson(reply, 200, externalResult(state.accept('ENROLL', found, 'ENROLL_PENDING')));
    },
    getEnrollResult: result('ENROLL', 'id'),

    verify: async (request, reply) => {
      const found = submission(request, reply);
      if (!found) return reply;
      const { subject, biometrics } = found;
      const isKnown = state.people.has(subject) || state.operators.has(subject);
      if (!isKnown && options.unknownPerson === 'not-found') return sendError(reply, 404, ['person is not enrolled']);
      const transaction = state.accept('SEARCH', found, 'SEARCH_PENDING');
      transaction.status = await searchWord(context, subject, biometrics);
      return sendJson(reply, 200, externalResult(transaction));
    },
    getSearchResult: result('SEARCH', 'tguid'),

    getPerson: async (request, reply) => {
      state.settle();
      const cpf = variableOf(request, 'key');
      const person = state.people.get(cpf);
      return person ? sendJson(reply, 200, personBody(cpf, person)) : sendError(reply, 404, ['person is not enrolled']);
    },

    deletePerson: deletion,
    deletePSBioPerson: deletion,
    getDeleteResult: result('DELETE', 'id'),

    redirectEnroll: async (request, reply) => {
      const rejected = state.transaction(variableOf(request, 'guid'));
      if (rejected?.type !== 'ENROLL') return sendError(reply, 404, ['no such enrolment']);
      if (rejected.status !== 'ENROLL_REJECTED') return sendError(reply, 409, ['enrolment is not rejected']);
      if (rejected.redirected) return sendError(reply, 409, ['enrolment has been redirected']);
      rejected.redirected = true;
      const biometrics = state.picturesOf(rejected.tguid);
      const { subject, operator, timestamp, missing } = rejected;
      const matter = { subject, operator, timestamp, biometrics, missing };
      const search = state.acceptSearch(matter, await searchWord(context, subject, biometrics));
      return sendJson(reply, 200, { id: search.tguid, status: search.status });
    },

    generateReport: async (request, reply) => {
      const transaction = state.transaction(variableOf(request, 'tguid'));
      if (!transaction) return sendError(reply, 404, ['no such transaction']);
      const { type, body } = packReport(await drawReport(transaction), options.reportForm);
      return reply.code(200).type(type).send(body);
    },

    getTransactionGuid: view('guid', transactionByGuid),
    getTransactionData: view('tguid', (one) => transactionBody(one, state.picturesOf(one.tguid))),
    getPersonTransactionData: async (request, reply) => {
      const latest = state.transactions(variableOf(request, 'cpf')).at(-1);
      return latest ? sendJson(reply, 200, transactionBody(latest)) : sendError(reply, 404, ['no transaction']);
    },
  };
}
