import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { HandlerContext } from './http.ts';
import type { RemoteStage } from './remote.ts';
import { submitFace } from './remote-handlers.ts';

const captured = z.strictObject({
  /** Base64 of a PNG. */
  image: z.string().min(1),
});

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'permissions-policy': 'camera=(self), microphone=()',
  // The link is a secret.
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

/** The page's first view, where it is not the one for a link that has been used. */
const views: Partial<Record<RemoteStage, string>> = { awaiting: 'welcome', expired: 'expired' };

function readPage(file: 'page.html' | 'page.css' | 'page.js'): string {
  return readFileSync(path.join(import.meta.dirname, 'applicant-page', file), 'utf8');
}

/**
 * The external service's side of a remote capture, which is no part of SPID Server's own API:
 *
 *   GET   /applicant/{token}         the page on which the applicant sends a face; 404 with an unknown link, 410 with an expired one
 *   GET   /applicant/{token}/state   how the capture stands
 *   POST  /applicant/{token}/face    {image}   the applicant's face; 422 unless it shows exactly one
 */
export function addApplicant(app: FastifyInstance, context: HandlerContext): void {
  const find = (token: string) => {
    context.state.settle();
    return context.state.remote.byToken(token);
  };
  const page = readPage('page.html');
  app.get<{ Params: { token: string } }>('/applicant/:token', async (request, reply) => {
    const stage = find(request.params.token)?.stage;
    const view = stage ? (views[stage] ?? 'used') : 'unknown';
    const status = { unknown: 404, expired: 410 }[view] ?? 200;
    return reply.code(status).headers(headers).type('text/html; charset=utf-8').send(page.replace('{view}', view));
  });
  for (const [file, type] of [
    ['page.css', 'text/css; charset=utf-8'],
    ['page.js', 'text/javascript; charset=utf-8'],
  ] as const) {
    const content = readPage(file);
    app.get(`/applicant-page/${file}`, async (_request, reply) => reply.headers(headers).type(type).send(content));
  }
  app.get<{ Params: { token: string } }>('/applicant/:token/state', async (request, reply) => {
    const capture = find(request.params.token);
    return capture
      ? { stage: capture.stage, expiresAt: capture.expiresAt }
      : reply.code(404).send({ error: 'no such link' });
  });
  app.post<{ Params: { token: string } }>('/applicant/:token/face', async (request, reply) => {
    const capture = context.state.remote.byToken(request.params.token);
    if (!capture) return reply.code(404).send({ error: 'no such link' });
    const parsed = captured.safeParse(request.body);
    if (!parsed.success) return reply.code(400).send({ error: 'image: base64 of a PNG is wanted' });
    const refused = submitFace(context, capture, parsed.data.image);
    return refused ? reply.code(refused.status).send({ error: refused.error }) : reply.code(204).send();
  });
}
