import {
  biometricsAnswer,
  id,
  newRemoteCapture,
  problem,
  remoteApproval,
  remoteCaptureView,
} from '@atesto/shared/contracts/gateway';
import { isSettled } from '@atesto/shared/domain/transaction';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { requireCpf } from '../intake/identify.ts';
import { performNative } from '../intake/perform-native.ts';
import { ProblemError } from '../problem.ts';
import { callerGone } from './caller-gone.ts';
import { pendingWord } from './spid-server-own.ts';
import { linkOf } from './spid-server-write.ts';
import { requireTransaction } from './transactions.ts';

const headers = z.object({ 'idempotency-key': z.string().max(200).optional() });
const params = z.object({ id });

/** Remote captures: a person is captured on their own device, by a link that SPID Server makes. Each is a transaction like any other. */
export const remoteCaptureRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const view = (row: TransactionRow) => ({
    id: row.id,
    status: row.upstreamStatus ?? pendingWord(row.kind),
    url: isSettled(row.state) ? undefined : linkOf(context, row),
  });

  app.post(
    '/v1/remote-captures',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Ask for a link with which a person is captured on their own device',
        description:
          '201 has the link; 202 that it is accepted and SPID Server has not made the link yet: ask for the remote capture, or make the same request again. Whoever holds the link can capture: hand it to the person alone.',
        headers,
        body: newRemoteCapture,
        response: { 201: remoteCaptureView, 202: remoteCaptureView, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const { kind, subject, operator, email: clientEmail } = request.body;
      const clientID = requireCpf(subject.cpf, '/subject/cpf');
      const operatorID = requireCpf(operator.cpf, '/operator/cpf');
      const row = await performNative(
        context,
        request.principal,
        {
          name: kind === 'verify' ? 'createRemoteVerify' : 'createRemoteEnroll',
          body: { data: { clientID, operatorID, clientEmail } },
        },
        request.headers['idempotency-key'],
        callerGone(reply),
      );
      const answer = view(row);
      return reply.code(answer.url === undefined ? 202 : 201).send(answer);
    },
  );

  app.get(
    '/v1/remote-captures/:id',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'How a remote capture stands',
        params,
        response: { 200: remoteCaptureView, '4xx': problem },
      },
    },
    async (request) => view(await requireRemote(context, request.principal, request.params.id)),
  );

  app.get(
    '/v1/remote-captures/:id/biometrics',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'What the person sent in, for review',
        description: '404 until something came in. Passed through from SPID Server, and kept nowhere here.',
        params,
        response: { 200: biometricsAnswer, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const { upstreamId } = await requireRemote(context, request.principal, request.params.id);
      if (upstreamId === undefined) throw new ProblemError('not-found');
      const read = await context.spid.remoteBiometrics(upstreamId);
      if (read.kind === 'not-found') throw new ProblemError('not-found');
      if (read.kind !== 'ok') throw new ProblemError('upstream-unavailable');
      reply.header('cache-control', 'no-store');
      return { biometrics: read.value };
    },
  );

  app.post(
    '/v1/remote-captures/:id/finish',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Approve or refuse what the person sent in',
        description:
          'Durable, and made once however often it is asked for. Answers how the remote capture stands then; 202 where SPID Server has not answered yet.',
        headers,
        params,
        body: remoteApproval,
        response: { 200: remoteCaptureView, 202: remoteCaptureView, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const origin = await requireRemote(context, request.principal, request.params.id);
      if (origin.upstreamId === undefined) throw new ProblemError('not-taken-yet');
      const { approval } = request.body;
      const row = await performNative(
        context,
        request.principal,
        { name: 'finishRemoteCapture', params: { tguid: origin.upstreamId }, body: { approval }, origin },
        request.headers['idempotency-key'],
        callerGone(reply),
      );
      const now = (await getTransaction(context.db, origin.id)) ?? origin;
      return reply.code(isSettled(row.state) ? 200 : 202).send(view(now));
    },
  );
};

async function requireRemote(context: GatewayContext, principal: Principal, wanted: string): Promise<TransactionRow> {
  const row = await requireTransaction(context, principal, wanted);
  const isRemote = row.kind === 'spid.remote-verify' || row.kind === 'spid.remote-enroll';
  if (!isRemote || row.state === 'erased') throw new ProblemError('not-found');
  return row;
}
