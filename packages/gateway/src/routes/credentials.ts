import {
  enrolmentAnswer,
  enrolmentRequest,
  id,
  keyAnswer,
  keyRequest,
  problem,
  stationAnswer,
  stationRequest,
  stationView,
} from '@atesto/shared/contracts/gateway';
import {
  issueEnrolment,
  issueSystemKey,
  listStations,
  redeemEnrolment,
  revokeStation,
} from '@atesto/shared/ledger/credentials';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';

/** Keys of upstream systems, stations and the codes that enrol them. Secrets are shown once. */
export const credentialRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const { db, stations } = context;
  app.post(
    '/v1/keys',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: "Issue an upstream system's key",
        body: keyRequest,
        response: { 201: keyAnswer, '4xx': problem },
      },
    },
    async (request, reply) => reply.code(201).send(await issueSystemKey(db, request.body.name)),
  );
  app.post(
    '/v1/stations/enrolments',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: 'Issue a one-time enrolment code for a station',
        body: enrolmentRequest,
        response: { 201: enrolmentAnswer, '4xx': problem },
      },
    },
    async (request, reply) => {
      const { code, expiresAt } = await issueEnrolment(db, request.body.name);
      return reply.code(201).send({ code, expiresAt: expiresAt.toISOString() });
    },
  );
  app.post(
    '/v1/stations',
    {
      config: {
        access: 'public',
        // Codes have 80 bits; the limit keeps guessing from costing anything.
        rateLimit: { max: 10, timeWindow: '1 minute' },
      },
      schema: {
        summary: 'Redeem an enrolment code for a station key',
        body: stationRequest,
        response: { 201: stationAnswer, '4xx': problem },
      },
    },
    async (request, reply) => {
      const issued = await redeemEnrolment(db, request.body.code.trim().toUpperCase());
      if (!issued) throw new ProblemError('invalid-code');
      return reply.code(201).send(issued);
    },
  );
  app.get(
    '/v1/stations',
    {
      config: { access: ['administrator', 'system'] },
      schema: { summary: 'Stations', response: { 200: z.array(stationView), '4xx': problem } },
    },
    async () =>
      (await listStations(db)).map((station) => ({
        id: station.id,
        name: station.name,
        enrolledAt: station.enrolledAt.toISOString(),
        revokedAt: station.revokedAt?.toISOString(),
        connected: stations.isConnected(station.id),
      })),
  );
  app.delete(
    '/v1/stations/:id',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: 'Revoke a station',
        params: z.object({ id }),
        response: { 204: z.undefined(), '4xx': problem },
      },
    },
    async (request, reply) => {
      if (!(await revokeStation(db, request.params.id))) throw new ProblemError('not-found');
      stations.disconnect(request.params.id);
      return reply.code(204).send();
    },
  );
};
