import {
  type IdcloudErrorCode,
  type IdcloudOperation,
  idcloudOperations,
} from '@atesto/shared/contracts/idcloud-client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Account, can, isEdition, type SimulatedKey } from './accounts.ts';
import { additionalInfo, processBody } from './client-answers.ts';
import { readCpf } from './client-request.ts';
import type { SimulatorContext } from './context.ts';
import { documentTypeNames } from './documents.ts';
import { sendError } from './errors.ts';
import { sendJson, spend } from './http.ts';
import type { Process } from './processes.ts';

interface Caller {
  account: Account;
  key: SimulatedKey;
}
type Handler = (request: FastifyRequest, reply: FastifyReply, caller: Caller) => Promise<FastifyReply>;

/** By Client: its routes from the operation table. */
export function addClientRoutes(context: SimulatorContext): void {
  const handlers = clientHandlers(context);
  for (const name of Object.keys(idcloudOperations) as IdcloudOperation[]) {
    const { method, path } = idcloudOperations[name];
    context.app.route({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { operation: name },
      handler: async (request, reply) => {
        const caller = enter(context, request, reply, name);
        return caller ? handlers[name](request, reply, caller) : reply;
      },
    });
  }
}

/** The gateway in front of the API: budget, then headers in the order of section 2.7. Nothing has been processed when it refuses. */
function enter(
  { identity, accounts }: SimulatorContext,
  request: FastifyRequest,
  reply: FastifyReply,
  operation: string,
): Caller | undefined {
  const { authorization, apikey } = request.headers;
  const account =
    identity.accountOf(authorization) ?? accounts.find(({ keys }) => keys.some((key) => key.apiKey === apikey));
  if (!spend(account, operation, reply)) return undefined;
  const key = account?.keys.find((one) => one.apiKey === apikey);
  const token = identity.refusal(authorization);
  const refusal: IdcloudErrorCode | undefined =
    token?.code === 20001 ? 20001 : apikey === undefined ? 20002 : (token?.code ?? (key ? undefined : 10201));
  if (refusal !== undefined) sendError(reply, refusal);
  return refusal === undefined && account && key ? { account, key } : undefined;
}

function clientHandlers(context: SimulatorContext): Record<IdcloudOperation, Handler> {
  const { processes, documents, files, webhooks } = context;
  const bodyOf = (process: Process) => processBody(process, files);
  return {
    async createProcess(request, reply, { account, key }) {
      const created = processes.create(request.body, account, key);
      if (typeof created === 'number') return sendError(reply, created);
      const body = bodyOf(created);
      if (account.webhook?.beforeAnswer && created.finishedAt === undefined) {
        processes.finish(created.id);
        await webhooks.idle();
      }
      return sendJson(reply, body);
    },
    async getProcess(request, reply, { account }) {
      const id = idOf(request);
      if (id === '') return sendError(reply, 20023);
      const found = processes.read(id, account);
      return found ? sendJson(reply, bodyOf(found)) : sendError(reply, 50001);
    },
    async getProcessV2(request, reply, { account, key }) {
      // Edition D does not have the route at all.
      if (!isEdition(key, 'B')) return reply.code(404).send();
      const id = idOf(request);
      if (id === '') return sendError(reply, 20023);
      const found = processes.read(id, account);
      return found ? sendJson(reply, { ...bodyOf(found), ...additionalInfo(found, files) }) : sendError(reply, 50001);
    },
    async listDocuments(request, reply, { key }) {
      if (!can(key, 'documents')) return sendError(reply, 10201);
      const { code, type } = request.query as { code?: string; type?: string };
      if (!code) return sendError(reply, 20005);
      const subject = readCpf(code);
      if (!subject) return sendError(reply, 20507);
      const found = documents.reusable(subject, context.courseOf(subject), type ?? '');
      // A missing or unknown type has no code of its own.
      if (!found) return sendError(reply, 20003);
      const items = found.map((one) => ({ documentType: documentTypeNames[one.type], documentId: one.id }));
      return sendJson(reply, { items: items.length > 0 ? items : [{}] });
    },
  };
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id.trim();
}
