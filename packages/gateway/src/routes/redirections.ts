import { id, problem, transactionView } from '@atesto/shared/contracts/gateway';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { performNative } from '../intake/perform-native.ts';
import { ProblemError } from '../problem.ts';
import { callerGone } from './caller-gone.ts';
import { mayUse } from './spid-server-own.ts';
import { viewTransaction } from './transaction-view.ts';

/** `POST /v1/transactions/{id}/redirect`: a rejected enrolment becomes a search of the same pictures. */
export const redirectionRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.post(
    '/v1/transactions/:id/redirect',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Make a search of a rejected enrolment',
        description:
          'The search is a transaction of its own, whose `origin` is the enrolment; asked for again, it is the same one. The pictures are those that SPID Server has: nobody is captured again.',
        headers: z.object({ 'idempotency-key': z.string().max(200).optional() }),
        params: z.object({ id }),
        response: { 200: transactionView, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const origin = await getTransaction(context.db, request.params.id);
      if (!origin || !mayUse(request.principal, origin)) throw new ProblemError('not-found');
      const isEnrolment = origin.kind === 'spid.enroll' || origin.kind === 'spid.remote-enroll';
      // A refusal of the request itself is no enrolment that SPID Server could redirect.
      if (!isEnrolment || origin.verdict !== 'rejected' || origin.upstreamId === undefined) {
        throw new ProblemError('not-rejected');
      }
      const row = await performNative(
        context,
        request.principal,
        { name: 'redirectEnroll', params: { guid: origin.upstreamId }, origin },
        request.headers['idempotency-key'],
        callerGone(reply),
      );
      return viewTransaction(context, row);
    },
  );
};
