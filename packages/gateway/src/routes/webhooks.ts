import type { WebhookAuthentication } from '@atesto/shared/contracts/idcloud-accounts';
import { idcloudNotice } from '@atesto/shared/contracts/idcloud-unico';
import { takeNotice } from '@atesto/shared/ledger/notices';
import { parseJson } from '@atesto/shared/upstreams/exchange';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { isObject } from '../intake/bounded-json.ts';
import { isAuthentic, issueToken, TOKEN_SECONDS, tokenRequestError } from '../intake/webhook-authentication.ts';
import { sendProblem } from '../plugins/problems.ts';
import { ProblemError } from '../problem.ts';

const BODY_BYTES_MAX = 64 * 1024;
/** Of one address: an account gives ten processes a second, and a notice may come several times. */
const NOTICES_PER_MINUTE = 6_000;
const TOKENS_PER_MINUTE = 60;

interface AccountRoute {
  Params: { account: string };
}

/**
 * `POST /webhooks/idcloud/{account}`: IDCloud says that something happened to a process. It is never believed: it makes the question due that a
 * worker asks. Each account proves itself as it was registered.
 */
export const webhookRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  const { db, idcloudAccounts, keyRing, log, metrics } = context;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  /** How the account proves itself, and how it did before, while its secret is changed. */
  const registered = (name: string): { webhook: WebhookAuthentication; honoured: WebhookAuthentication[] } => {
    const { webhook, webhookBefore } = idcloudAccounts.find((one) => one.name === name) ?? {};
    if (!webhook) throw new ProblemError('not-found');
    return { webhook, honoured: webhookBefore ? [webhook, webhookBefore] : [webhook] };
  };

  app.post<AccountRoute>(
    '/webhooks/idcloud/:account',
    {
      bodyLimit: BODY_BYTES_MAX,
      config: { access: 'public', rateLimit: { max: NOTICES_PER_MINUTE, timeWindow: '1 minute' } },
      schema: { hide: true },
      // After the limit, which guesses count against, and before any of the body is read.
      preParsing: async (request, reply) => {
        const { account: name } = request.params;
        const { webhook, honoured } = registered(name);
        if (honoured.some((one) => isAuthentic(keyRing, name, one, request.headers, Date.now()))) return;
        log.warn('webhook-refused', { webhook: name });
        reply.header('www-authenticate', webhook.type === 'basic' ? 'Basic' : 'Bearer');
        return sendProblem(reply, 'unauthenticated');
      },
    },
    async (request, reply) => {
      const { account: name } = request.params;
      const notice = idcloudNotice.safeParse(jsonOf(request.body));
      if (!notice.success) throw new ProblemError('invalid-request');
      metrics.notice(await takeNotice(db, name, notice.data.processId));
      return reply.code(204).send();
    },
  );

  app.post<AccountRoute>(
    '/webhooks/idcloud/:account/token',
    {
      bodyLimit: BODY_BYTES_MAX,
      config: { access: 'public', rateLimit: { max: TOKENS_PER_MINUTE, timeWindow: '1 minute' } },
      schema: { hide: true },
    },
    async (request, reply) => {
      const { account: name } = request.params;
      const clients = registered(name).honoured.filter((one) => one.type === 'oauth2');
      const errors = clients.map((one) => tokenRequestError(one, formOf(request), request.headers.authorization));
      const proven = clients[errors.indexOf(undefined)];
      if (clients.length === 0) throw new ProblemError('not-found');
      reply.header('cache-control', 'no-store');
      if (!proven) return refuseToken(reply, errors[0] ?? 'invalid_client');
      const access_token = issueToken(keyRing, name, proven, Date.now());
      return reply.code(200).send({ access_token, token_type: 'Bearer', expires_in: TOKEN_SECONDS });
    },
  );
};

function refuseToken(reply: FastifyReply, error: string): FastifyReply {
  if (error !== 'invalid_client') return reply.code(400).send({ error });
  return reply.code(401).header('www-authenticate', 'Basic').send({ error });
}

/** A form, or the same in JSON: what IDCloud sends is not documented. */
function formOf({ body, headers }: FastifyRequest): Record<string, unknown> {
  if (!Buffer.isBuffer(body)) return {};
  if (!headers['content-type']?.startsWith('application/json'))
    return Object.fromEntries(new URLSearchParams(body.toString()));
  const json = jsonOf(body);
  return isObject(json) ? json : {};
}

function jsonOf(body: unknown): unknown {
  return Buffer.isBuffer(body) ? parseJson(body) : undefined;
}
