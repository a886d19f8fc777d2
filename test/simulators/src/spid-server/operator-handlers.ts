import { operatorEnrollRequest, operatorInsertRequest } from '@atesto/shared/contracts/spid-server';
import { readAll } from './biometrics.ts';
import { operatorBody, operatorRows } from './bodies.ts';
import { sendError } from './errors.ts';
import { checked, type HandlerContext, type HandlersOf, sendJson, sendNothing, variableOf } from './http.ts';
import { elevenDigits } from './validate.ts';

type Names = 'getOperator' | 'deleteOperator' | 'operatorList' | 'operatorInsert' | 'enrollOperator';

/** Two-step registration: an administrator inserts (`PENDING`), the first access enrols (`ENQUEUED`, then `VERIFIED`). */
export function operatorHandlers({ state, options }: HandlerContext): HandlersOf<Names> {
  return {
    getOperator: async (request, reply) => {
      state.settle();
      const cpf = variableOf(request, 'key');
      const operator = state.operators.get(cpf);
      if (!operator) return sendError(reply, 404, ['no such operator']);
      return sendJson(reply, options.operatorStatus, operatorBody(cpf, operator));
    },

    deleteOperator: async (request, reply) => {
      const operator = state.operators.get(variableOf(request, 'key'));
      if (!operator || operator.status === 'DELETED') return sendError(reply, 404, ['no such operator']);
      operator.status = 'DELETED';
      operator.dueAt = undefined;
      return sendNothing(reply, 202);
    },

    operatorList: async (_request, reply) => sendJson(reply, 200, operatorRows(state)),

    operatorInsert: async (request, reply) => {
      const body = checked(operatorInsertRequest, request.body, reply);
      if (!body) return reply;
      const cpf = elevenDigits(body.data.document);
      if (!cpf) return sendError(reply, 400, ['data.document: not a CPF']);
      const known = state.operators.get(cpf);
      if (known && known.status !== 'DELETED') return sendError(reply, 409, ['operator is there']);
      state.seedOperator(cpf, 'PENDING');
      return sendNothing(reply, 201);
    },

    enrollOperator: async (request, reply) => {
      const body = checked(operatorEnrollRequest, request.body, reply);
      if (!body) return reply;
      const cpf = elevenDigits(body.data.document);
      if (!cpf) return sendError(reply, 400, ['data.document: not a CPF']);
      const biometrics = readAll(body.data.biometrics);
      if (typeof biometrics === 'string') return sendError(reply, 400, [biometrics]);
      if (biometrics.length === 0) return sendError(reply, 400, ['data.biometrics: empty']);
      state.settle();
      const known = state.operators.get(cpf);
      if (!known || known.status === 'DELETED') return sendError(reply, 404, ['no such operator']);
      if (known.status !== 'PENDING') return sendError(reply, 409, ['operator is enrolled']);
      state.enrollOperator(cpf, biometrics);
      return sendNothing(reply, 201);
    },
  };
}
