import type { KeptAnswer } from '../domain/transaction.ts';
import type { HttpAnswer } from './exchange.ts';

/** An answer as its caller is owed it. */
export function keepAnswer({ status, headers, body }: HttpAnswer): KeptAnswer {
  const type = headers['content-type'];
  return {
    status,
    ...(typeof type === 'string' ? { contentType: type } : {}),
    body: body?.toString('utf8') ?? '',
  };
}
