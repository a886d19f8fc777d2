import { cpfQuestion, operatorAnswer, personAnswer, problem } from '@atesto/shared/contracts/gateway';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { GatewayContext } from '../gateway-context.ts';
import { requireCpf } from '../intake/identify.ts';
import { ProblemError } from '../problem.ts';

/** Questions that a station asks SPID Server before a capture. POST, because a CPF never stands in a URL of ours. */
export const lookupRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.post(
    '/v1/people/lookup',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Is this person registered at SPID?',
        body: cpfQuestion,
        response: { 200: personAnswer, '4xx': problem, 503: problem },
      },
    },
    async (request) => {
      const read = await context.spid.person(requireCpf(request.body.cpf, '/cpf'));
      if (read.kind === 'ok') return read.value;
      throw new ProblemError('upstream-unavailable');
    },
  );
  app.post(
    '/v1/operators/lookup',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: "An operator's status at SPID",
        body: cpfQuestion,
        response: { 200: operatorAnswer, '4xx': problem, 503: problem },
      },
    },
    async (request) => {
      const read = await context.spid.operator(requireCpf(request.body.cpf, '/cpf'));
      // Found without a body says nothing about the status, and nothing is invented.
      if (read.kind === 'ok' && read.value.found) return { status: read.value.payload?.status ?? 'UNKNOWN' };
      if (read.kind === 'ok') return { status: null };
      throw new ProblemError('upstream-unavailable');
    },
  );
};
