import type { FastifyReply } from 'fastify';
import type { Account } from './accounts.ts';

/** Spends one call of an account's budget. False where it was answered with 429. A caller whom nobody knows has no budget. */
export function spend(account: Account | undefined, operation: string, reply: FastifyReply): boolean {
  const wait = account?.budget.spend(operation) ?? 0;
  if (wait > 0) reply.code(429).header('retry-after', String(wait)).send();
  return wait === 0;
}

export function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.code(200).type('application/json; charset=utf-8').send(JSON.stringify(body));
}
