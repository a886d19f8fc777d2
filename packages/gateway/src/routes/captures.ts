import { captureTypes, captureView, id, problem } from '@atesto/shared/contracts/gateway';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { parseContentDigest } from '../intake/content-digest.ts';
import { chunksOf } from '../intake/request-body.ts';
import { storeCapture } from '../intake/store-capture.ts';
import { ProblemError } from '../problem.ts';

/** `PUT /v1/captures/{id}`: a picture's bytes, streamed to disk. */
export const captureRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  // The body stays a stream; the pictures' own limit is enforced while it flows.
  app.addContentTypeParser([...captureTypes], (_request, payload, done) => done(null, payload));
  app.put(
    '/v1/captures/:id',
    {
      config: { access: ['system', 'station'] },
      bodyLimit: context.limits.captureBytesMax,
      schema: {
        summary: 'Upload a capture',
        description:
          'The picture as it is (image/png, image/jpeg, image/webp), with Content-Digest: sha-256=:…:. 201 means on disk; the same bytes again give 200.',
        params: z.object({ id }),
        response: { 200: captureView, 201: captureView, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      if (Number(request.headers['content-length'] ?? 0) > context.limits.captureBytesMax) {
        throw new ProblemError('body-too-large');
      }
      const sha256 = parseContentDigest(request.headers['content-digest']);
      if (!sha256) throw new ProblemError('digest-missing');
      // An empty body never reaches a parser.
      if (!request.body) throw new ProblemError('invalid-image');
      const { capture, isNew } = await storeCapture(context, {
        id: request.params.id,
        owner: request.principal.id,
        sha256,
        body: chunksOf(request.raw),
      }).catch((error) => {
        // Refused half-way: the rest is read and thrown away.
        request.raw.resume();
        if (error instanceof ProblemError) context.metrics.captureRejected(error.code);
        throw error;
      });
      const { width, height, bytes } = capture;
      if (isNew) context.metrics.captureAccepted(bytes);
      return reply
        .code(isNew ? 201 : 200)
        .send({ id: capture.id, sha256: capture.sha256.toString('hex'), bytes, width, height });
    },
  );
};
