import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { HandlerContext } from './http.ts';
import { submitFace } from './remote-handlers.ts';

const captured = z.strictObject({
  /** Base64 of a PNG. */
  image: z.string().min(1),
});

/**
 * The external service's side of a remote capture, which is no part of SPID Server's own API:
 *
 *   GET   /applicant/{token}         how the capture stands
 *   POST  /applicant/{token}/face    {image}   the applicant's face; 422 unless it shows exactly one
 */
export function addApplicant(app: FastifyInstance, context: HandlerContext): void {
  app.get<{ Params: { token: string } }>('/applicant/:token', async (request, reply) => {
    context.state.settle();
    const capture = context.state.remote.byToken(request.params.token);
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
