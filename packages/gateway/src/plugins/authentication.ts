import { inGroups } from '@atesto/shared/domain/in-groups';
import type { Principal } from '@atesto/shared/ledger/credentials';
import { findPrincipals } from '@atesto/shared/ledger/credentials';
import type { Database } from '@atesto/shared/ledger/database';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { sendProblem } from './problems.ts';

/** Who may call a route. `public` routes give away nothing and change nothing without a code of their own. */
export type Access = readonly Principal['kind'][] | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** How this route says no, where it has to speak a vendor's language. */
    refuse?: (reply: FastifyReply, why: 'unauthenticated' | 'forbidden') => FastifyReply;
  }
  interface FastifyRequest {
    /** Set on every route that is not public. */
    principal: Principal;
  }
}

/**
 * Checks the key of every request against its route's access, before any of the body is read. A route that does not say who may call it is a
 * mistake and does not start.
 */
export const authenticationPlugin = fastifyPlugin<{ db: Database }>(async (app, { db }) => {
  // Who comes at the same time is looked up together.
  const findPrincipal = inGroups((keys: readonly string[]) => findPrincipals(db, keys), 50);
  app.decorateRequest('principal');
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`route ${route.method} ${route.url} names no access`);
  });
  app.addHook('onRequest', async (request: FastifyRequest, reply) => {
    const { access, refuse = sendProblem } = request.routeOptions.config;
    // Only the not-found handler has no access: it tells nothing.
    if (access === 'public' || access === undefined) return;
    const key = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
    const principal = key && (await findPrincipal(key));
    if (!principal) {
      reply.header('www-authenticate', 'Bearer');
      return refuse(reply, 'unauthenticated');
    }
    if (!access.includes(principal.kind)) return refuse(reply, 'forbidden');
    request.principal = principal;
  });
});
