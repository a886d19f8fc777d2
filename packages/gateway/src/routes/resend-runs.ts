import type { ResendView } from '@atesto/shared/contracts/gateway';
import { id, problem, resendView } from '@atesto/shared/contracts/gateway';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { ResendFilter, ResendRun } from '@atesto/shared/ledger/resends';
import {
  accountsToResend,
  beginResend,
  cancelResend,
  endResends,
  getResend,
  runningResend,
  takeUpFailed,
} from '@atesto/shared/ledger/resends';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import { EventStreams } from './event-streams.ts';

/** A run of at most so many is taken up within its request; the workers pace a larger one. */
const SMALL_RUN = 100;

/** Begins a run, or finds the one under way. @returns it, and how many it found */
export async function resendAll(context: GatewayContext, filter: ResendFilter): Promise<{ id: string; count: number }> {
  const { db, limits } = context;
  const begun = await beginResend(db, filter);
  const running = begun ?? (await runningResend(db, filter));
  // One that ended in between is begun anew.
  if (running === undefined) return resendAll(context, filter);
  const { found = 0 } = (await getResend(db, running)) ?? {};
  if (begun !== undefined && found <= SMALL_RUN) {
    for (const account of await accountsToResend(db, begun)) {
      // One more than there are, so that the run knows that it is through.
      const batch = { account, limit: found + 1, leaseMs: limits.requeueMs, resend: begun };
      for (const moment of await takeUpFailed(db, batch)) await context.enqueue(moment, 'resend');
    }
    await endResends(db);
  }
  return { id: running, count: found };
}

async function requireResend({ db }: GatewayContext, principal: Principal, resend: string): Promise<ResendRun> {
  const run = await getResend(db, resend);
  if (!run || (run.owner !== principal.id && principal.kind !== 'administrator')) throw new ProblemError('not-found');
  return run;
}

function viewResend(run: ResendRun): ResendView {
  const { id, state, station, found, takenUp, startedAt, endedAt, elapsedMs } = run;
  const left = state === 'done' ? 0 : Math.max(0, found - takenUp);
  const perSecond = takenUp > 0 && elapsedMs > 0 ? takenUp / (elapsedMs / 1000) : undefined;
  return {
    id,
    state,
    station,
    found,
    takenUp,
    left,
    perSecond: perSecond && Math.round(perSecond * 10) / 10,
    secondsLeft: state === 'running' && perSecond ? Math.ceil(left / perSecond) : undefined,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString(),
  };
}

/** `/v1/resends/{id}`: a run of resend all, watched and cancelled. */
export const resendRunRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const access = ['administrator', 'system', 'station'] as const;
  const schema = { params: z.object({ id }), response: { 200: resendView, '4xx': problem } };
  const streams = new EventStreams(context.feed);
  app.addHook('preClose', async () => streams.close());

  app.get(
    '/v1/resends/:id',
    { config: { access: access }, schema: { summary: 'How far a run of resend all is', ...schema } },
    async (request) => viewResend(await requireResend(context, request.principal, request.params.id)),
  );

  app.get(
    '/v1/resends/:id/events',
    {
      config: { access: access },
      schema: {
        summary: 'How far a run of resend all is, as it goes',
        description: 'With Accept: text/event-stream a stream that ends with the run; else as without /events.',
        ...schema,
      },
    },
    async (request, reply) => {
      const run = await requireResend(context, request.principal, request.params.id);
      if (!request.headers.accept?.includes('text/event-stream')) return viewResend(run);
      streams.open(reply, run.id, async (stream) => {
        const now = (await getResend(context.db, run.id)) ?? run;
        stream.write(`event: ${now.state}\ndata: ${JSON.stringify(viewResend(now))}\n\n`);
        if (now.state !== 'running') stream.end();
      });
      return reply;
    },
  );

  app.delete(
    '/v1/resends/:id',
    {
      config: { access: access },
      schema: {
        summary: 'Cancel a run of resend all',
        description: 'What it has not taken up stays as it is. A run that is over is left alone, and shown.',
        ...schema,
      },
    },
    async (request) => {
      const run = await requireResend(context, request.principal, request.params.id);
      await cancelResend(context.db, run.id);
      return viewResend((await getResend(context.db, run.id)) ?? run);
    },
  );
};
