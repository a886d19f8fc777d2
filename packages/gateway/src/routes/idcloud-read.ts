import { keyNamed } from '@atesto/shared/contracts/idcloud-accounts';
import type { IdcloudOperation } from '@atesto/shared/contracts/idcloud-client';
import { type UnicoOperation, unicoOperations } from '@atesto/shared/contracts/idcloud-unico';
import { type HttpAnswer, parseJson, readRetryAfter } from '@atesto/shared/upstreams/exchange';
import { isTokenRefusal } from '@atesto/shared/upstreams/idcloud-answer';
import type { IdcloudRequest } from '@atesto/shared/upstreams/idcloud-connection';
import type { FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { isObject } from '../intake/bounded-json.ts';
import { IdcloudAway } from '../intake/idcloud-refusal.ts';

type Reading = Pick<GatewayContext, 'idcloud' | 'idcloudAccounts' | 'beforeIdcloudRead'>;
/** Whose budget a read spends, and the key of by Client that it is made with. */
type ReadOf = { account: string; keyName?: string | undefined };
/** What changes nothing. */
type ReadOperation = Exclude<IdcloudOperation | UnicoOperation, 'createProcess' | 'createUnicoProcess'>;

/** Refusals that are about what the caller asked. The others are between us and the upstream, and to the caller they mean that it is away. */
const callersOwn = new Set([400, 403, 404, 410, 422]);

/** Makes a live read within the account's budget: an answer that is the caller's. @throws IdcloudAway */
export async function readLive(
  { idcloud, idcloudAccounts, beforeIdcloudRead }: Reading,
  of: ReadOf,
  operation: ReadOperation,
  request: IdcloudRequest,
): Promise<HttpAnswer & { body: Buffer }> {
  const configured = isUnico(operation)
    ? idcloudAccounts.some(({ name, unicoUrl }) => name === of.account && unicoUrl !== undefined)
    : keyNamed(idcloudAccounts, of) !== undefined;
  // Of an account that was taken out of the settings: as if it did not answer.
  if (!configured) throw new IdcloudAway(503);
  if (!(await beforeIdcloudRead(of.account))) throw new IdcloudAway(429);
  const answer = isUnico(operation)
    ? await idcloud.unico(of).send(operation, request)
    : await idcloud.client(of).send(operation, request);
  if (answer.kind !== 'http' || !answer.body) throw new IdcloudAway(503);
  const { status, headers, body } = answer;
  if (status === 429) throw new IdcloudAway(429, Math.ceil((readRetryAfter(headers, Date.now()) ?? 1_000) / 1_000));
  if (isTokenRefusal(answer) || (status !== 200 && !callersOwn.has(status))) throw new IdcloudAway(503);
  return { ...answer, body };
}

function isUnico(operation: ReadOperation): operation is Exclude<ReadOperation, IdcloudOperation> {
  return Object.hasOwn(unicoOperations, operation);
}

/** Repeats an answer as it came. */
export function repeat(reply: FastifyReply, { status, headers, body }: HttpAnswer & { body: Buffer }): FastifyReply {
  const type = headers['content-type'];
  return reply
    .code(status)
    .type(typeof type === 'string' ? type : 'application/json')
    .send(body);
}

/** The object of a JSON body. @throws IdcloudAway where there is none */
export function objectOf(body: Buffer): Record<string, unknown> {
  const json = parseJson(body);
  if (!isObject(json)) throw new IdcloudAway(503);
  return json;
}

/** Says that an answer is an older one: links in it may be over, and the process may have gone on. */
export function sayStale(reply: FastifyReply): void {
  reply.header('atesto-stale', 'upstream-away');
}
