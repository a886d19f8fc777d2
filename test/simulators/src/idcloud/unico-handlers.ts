import { type UnicoOperation, unicoOperations } from '@atesto/shared/contracts/idcloud-unico';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Account } from './accounts.ts';
import type { SimulatorContext } from './context.ts';
import { sendJwtError, sendUnicoError, unicoErrors } from './errors.ts';
import { drawFile } from './files.ts';
import { sendJson, spend } from './http.ts';
import { evidenceFacts, unicoBody } from './unico-answers.ts';
import type { UnicoProcess } from './unico-processes.ts';
import { readUnicoCreate } from './unico-request.ts';

type Handler = (request: FastifyRequest, reply: FastifyReply, account: Account) => Promise<FastifyReply>;

/** By Unico and its signature service, from the operation table; both hosts on one port. */
export function addUnicoRoutes(context: SimulatorContext): void {
  const handlers = unicoHandlers(context);
  for (const name of Object.keys(unicoOperations) as UnicoOperation[]) {
    const { method, path } = unicoOperations[name];
    context.app.route({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { operation: name },
      handler: async (request, reply) => {
        const { authorization } = request.headers;
        const account = context.identity.accountOf(authorization);
        if (!spend(account, name, reply)) return reply;
        const refusal = context.identity.refusal(authorization);
        if (refusal || !account) return sendJwtError(reply, refusal?.text ?? 'Jwt verification fails');
        return handlers[name](request, reply, account);
      },
    });
  }
}

function unicoHandlers(context: SimulatorContext): Record<UnicoOperation, Handler> {
  const { unico } = context;

  /** One that is there, for the handlers that want it; the others answer for themselves. */
  const withProcess =
    (handle: (reply: FastifyReply, process: UnicoProcess) => Promise<FastifyReply>): Handler =>
    async (request, reply, account) => {
      const { processId } = request.params as { processId: string };
      if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(processId)) return sendUnicoError(reply, unicoErrors.badId);
      const process = unico.get(processId, account);
      return process ? handle(reply, process) : sendUnicoError(reply, unicoErrors.notFound);
    };

  /** A page about a document that was signed. */
  const signed =
    (title: string): Handler =>
    async (request, reply, account) => {
      const { documentId } = request.params as { documentId: string };
      const process = unico.ofSigned(documentId, account);
      if (!process) return reply.code(404).send();
      const facts = { Document: documentId, ...evidenceFacts(process) };
      const { bytes, type } = await drawFile({ title, facts });
      return reply.type(type).send(bytes);
    };

  return {
    async createUnicoProcess(request, reply, account) {
      const read = readUnicoCreate(request.body);
      if (typeof read === 'string') return sendUnicoError(reply, { status: 400, code: 3, message: read });
      if (account.flows && !account.flows.includes(read.flow)) {
        return sendUnicoError(reply, { status: 400, code: 9, message: 'XX ID Apikeys are not set' });
      }
      return sendJson(reply, unicoBody(unico.create(read, account), context));
    },
    getUnicoProcess: withProcess(async (reply, process) => sendJson(reply, unicoBody(process, context))),
    getSelfie: withProcess(async (reply, process) => {
      if (process.parts.has('smart')) return sendUnicoError(reply, unicoErrors.noPermission);
      if (!wasSeen(process)) return sendUnicoError(reply, unicoErrors.notFound);
      const { bytes, type } = await drawFile({ face: process.request.person?.duiValue ?? process.id });
      return sendJson(reply, { fileContents: bytes.toString('base64'), contentType: type });
    }),
    getEvidenceSet: withProcess(async (reply, process) => {
      if (!wasSeen(process)) return sendUnicoError(reply, unicoErrors.notFound);
      const { bytes } = await drawFile({ title: 'Evidence set (simulator)', facts: evidenceFacts(process) });
      // The vendor's own word for the type.
      return sendJson(reply, { fileContents: bytes.toString('base64'), contentType: 'x-pdf' });
    }),
    getSignedDocument: signed('Signed document (simulator)'),
    getSignedDocumentEvidence: signed('Evidence of a signature (simulator)'),
  };
}

/** Whether the person came: nothing was captured of one that failed or expired. */
function wasSeen({ state, result }: UnicoProcess): boolean {
  return state === 'PROCESS_STATE_FINISHED' && result !== 'PROCESS_RESULT_EXPIRED';
}
