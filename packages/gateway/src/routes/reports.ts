import { id, problem, reportAnswer, reportQuestion } from '@atesto/shared/contracts/gateway';
import { isSpidKind } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import { drawReport } from '../report/draw-report.ts';
import { gatherFacts } from '../report/gather-facts.ts';
import { isGenuine, sealReport } from '../report/report-seal.ts';
import { maySee, requireTransaction } from './transactions.ts';

/** The report of a transaction, ours or the upstream's, and whether a report is one of ours. */
export const reportRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const { db, keyRing } = context;

  app.get(
    '/v1/transactions/:id/report',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'The report of a transaction (PDF)',
        description: 'Ours, of a transaction in any state; with source=upstream the one that the upstream makes.',
        params: z.object({ id }),
        querystring: z.object({ source: z.enum(['atesto', 'upstream']).default('atesto') }),
        response: { 200: z.any().describe('application/pdf'), '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const row = await requireTransaction(context, request.principal, request.params.id);
      reply.type('application/pdf');
      if (request.query.source === 'upstream') return reply.send(await upstreamReport(context, row));
      const facts = await gatherFacts(context, row);
      return reply
        .header('content-disposition', `inline; filename="atesto-${row.id}.pdf"`)
        .header('cache-control', 'no-store')
        .send(await drawReport(facts, sealReport(keyRing, facts)));
    },
  );

  app.post(
    '/v1/reports/verify',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'Whether a report is one of ours',
        description:
          'genuine: this installation issued it. current, where the caller may see the transaction: its report would say the same now.',
        body: reportQuestion,
        response: { 200: reportAnswer, '4xx': problem },
      },
    },
    async ({ principal, body }) => {
      if (!isGenuine(keyRing, body)) return { genuine: false };
      const row = await getTransaction(db, body.transaction);
      if (!row || !maySee(principal, row)) return { genuine: true };
      const { hash } = sealReport(keyRing, await gatherFacts(context, row));
      return { genuine: true, current: hash === body.hash.toLowerCase() };
    },
  );
};

async function upstreamReport({ spid }: Pick<GatewayContext, 'spid'>, row: TransactionRow): Promise<Buffer> {
  if (row.state === 'erased') throw new ProblemError('not-found');
  if (!row.upstreamId || !isSpidKind(row.kind)) throw new ProblemError('no-report-yet');
  const report = await spid.report(row.upstreamId);
  if (report.kind === 'not-found') throw new ProblemError('no-report-yet');
  if (report.kind !== 'ok') throw new ProblemError('upstream-unavailable');
  return report.value;
}
