import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import { checkPathParams } from '@atesto/shared/contracts/spid-server-params';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { SpidRefusal } from '../intake/spid-submission.ts';

export type FaceRequest = FastifyRequest<{ Params: Record<string, string> }>;

/** A call's path variables, query and raw body. @throws SpidRefusal 400 */
export function checkedRequest(
  { spidTables }: Pick<GatewayContext, 'spidTables'>,
  name: SpidServerOperationName,
  { params, query: given, body }: FaceRequest,
): { params: Record<string, string>; query: Record<string, string>; body: Buffer | undefined } {
  const row = spidTables.server[name];
  const problems = checkPathParams(row.path, params);
  if (problems.length > 0) throw new SpidRefusal(400, problems);
  const query = row.query?.safeParse(given);
  if (query && !query.success) {
    throw new SpidRefusal(
      400,
      query.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`),
    );
  }
  return {
    params,
    query: (query?.data ?? {}) as Record<string, string>,
    body: Buffer.isBuffer(body) ? body : undefined,
  };
}
