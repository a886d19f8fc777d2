import type { FaceAdvice } from '@atesto/shared/domain/face-measures';
import type { FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';

const measures = ['size', 'brightness', 'contrast', 'sharpness'] as const satisfies readonly (keyof FaceAdvice)[];

/**
 * Has a face looked at while its process is under way. The answer waits for nothing: it has the words that are there by then, and `unmeasured` for
 * the others.
 * @returns puts them into the answer's header
 */
export function startAdvice(
  { pictures, metrics }: Pick<GatewayContext, 'pictures' | 'metrics'>,
  picture: Buffer,
): (reply: FastifyReply) => void {
  let advice: Partial<FaceAdvice> = {};
  void pictures.advise(picture).then((found) => {
    advice = found ?? {};
    metrics.captureAdvice(advice);
  });
  return (reply) => sayAdvice(reply, advice);
}

/** Puts advice into the answer's header. */
export function sayAdvice(reply: FastifyReply, advice: Partial<FaceAdvice>): void {
  const words = measures.map((measure) => `${measure}=${advice[measure] ?? 'unmeasured'}`);
  reply.header('atesto-capture-advice', words.join(', '));
}
