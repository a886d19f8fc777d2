import { tokenRequest } from '@atesto/shared/contracts/spid-server';
import * as z from 'zod';
import { checked, type HandlerContext, type HandlersOf, sendJson } from './http.ts';
import { clientSystems, clientUpdate, SPID_SERVER_VERSION } from './system.ts';

type Names = 'getClientVersion' | 'getFile' | 'getStatus' | 'updateToken';

const updateQuery = z.object({ os: z.enum(clientSystems).default('windows') });

/** The Client's update, the services' status and the token. */
export function serviceHandlers({ system }: HandlerContext): HandlersOf<Names> {
  return {
    getClientVersion: async (_request, reply) => reply.code(200).type('text/plain').send(SPID_SERVER_VERSION),
    getFile: async (request, reply) => {
      const query = checked(updateQuery, request.query, reply);
      if (!query) return reply;
      return reply.code(200).type('application/octet-stream').send(clientUpdate(query.os));
    },
    getStatus: async (_request, reply) => sendJson(reply, 200, system.status),
    updateToken: async (request, reply) => {
      const isEmpty = (request.headers['content-length'] ?? '0') === '0' && !request.headers['transfer-encoding'];
      if (!isEmpty && !checked(tokenRequest, request.body, reply)) return reply;
      system.renewToken();
      return sendJson(reply, 200, system.status);
    },
  };
}
