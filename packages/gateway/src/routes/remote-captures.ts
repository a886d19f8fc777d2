import {
  newRemoteCapture,
  problem,
  remoteCaptureAnswer,
  remoteCaptureView,
  remoteKinds,
} from '@atesto/shared/contracts/gateway';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { requireCpf } from '../intake/identify.ts';
import { ProblemError } from '../problem.ts';

/**
 * Remote captures, asked of SPID Server at once. Not durable yet: no row is written before the upstream is called, so a lost answer may leave a
 * link that nobody knows, and a repeated request makes another. For the same reason whoever names a TGUID is told its word: it is a secret
 * between its caller and the upstream until the ledger knows whose it is.
 */
export const remoteCaptureRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.post(
    '/v1/remote-captures',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Ask for a link with which a person is captured on their own device',
        description:
          '503 does not say whether a link was made. Whoever holds the link can capture: hand it to the person alone.',
        body: newRemoteCapture,
        response: { 201: remoteCaptureAnswer, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const { kind, subject, operator, email: clientEmail } = request.body;
      const clientID = requireCpf(subject.cpf, '/subject/cpf');
      const operatorID = requireCpf(operator.cpf, '/operator/cpf');
      const body = { data: { clientID, operatorID, clientEmail } };
      const call = kind === 'verify' ? 'createRemoteVerify' : 'createRemoteEnroll';
      const asked = await context.spid.call(call, { body });
      if (asked.kind === 'done') return reply.code(201).send({ id: asked.value.tguid, url: asked.value.dynamicLink });
      if (asked.kind === 'refused')
        throw new ProblemError('invalid-request', [{ path: '/', problem: asked.upstreamCode ?? asked.reason }]);
      throw new ProblemError('upstream-unavailable');
    },
  );

  app.get(
    '/v1/remote-captures/:id',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: "The upstream's word on a remote capture",
        params: z.object({ id: z.guid() }),
        querystring: z.object({ kind: z.enum(remoteKinds) }),
        response: { 200: remoteCaptureView, '4xx': problem, 503: problem },
      },
    },
    async (request) => {
      const { id } = request.params;
      const read = await context.spid.result(`spid.${request.query.kind}`, id);
      if (read.kind === 'not-found') throw new ProblemError('not-found');
      if (read.kind !== 'ok') throw new ProblemError('upstream-unavailable');
      const standing = read.value;
      return { id, status: standing.final ? standing.outcome.upstreamStatus : standing.upstreamStatus };
    },
  );
};
