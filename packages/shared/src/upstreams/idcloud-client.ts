import type * as z from 'zod';
import {
  type IdcloudOperation,
  idcloudOperations,
  type ProcessResult,
  processResult,
  processResultV2,
  reusableDocuments,
} from '../contracts/idcloud-client.ts';
import { decideClient, isOpenWord } from '../domain/idcloud-decision.ts';
import type { Outcome } from '../domain/transaction.ts';
import { type HttpAnswer, parseJson } from './exchange.ts';
import { readAnswer, readCreated, submittedAs } from './idcloud-answer.ts';
import type { IdcloudAnswer, IdcloudConnection, IdcloudRequest } from './idcloud-connection.ts';
import { keepAnswer } from './keep-answer.ts';
import type { Read, Standing, Upstream, Voided } from './upstream.ts';

export type ClientKind = 'idcloud.process' | 'idcloud.document';

/** A document of a person's that IDCloud has and may be asked to use again. */
export interface ReusableDocument {
  documentId: string;
  documentType?: string | undefined;
}

/** IDCloud by Client with one key, whose capabilities decide what a create does. Editions B and D. */
export interface IdcloudClient extends Upstream<ClientKind> {
  /** The answer as it came, for a face that passes it on. @throws RangeError for a path variable that is missing, and what `body.open` throws */
  send(name: IdcloudOperation, request: IdcloudRequest): Promise<IdcloudAnswer>;
  /** Editions B and C; `not-found` where the process or the operation is not known. It names a person. */
  processV2(processId: string): Promise<Read<z.infer<typeof processResultV2>>>;
  /** The documents of a person that can be used again; none is an empty list, whatever way an edition says it. */
  documents(query: { code: string; type: string }): Promise<Read<ReusableDocument[]>>;
}

/** @param connection is shared with the account's other keys, and closed by its owner: `close` does nothing */
export function createIdcloudClient(connection: IdcloudConnection, apiKey: string): IdcloudClient {
  const send: IdcloudClient['send'] = (name, request) =>
    connection.send('client', idcloudOperations[name], request, { headers: { apikey: apiKey } });

  return {
    send,

    async submit(kind, body, { signal } = {}) {
      return readCreated(await send('createProcess', { body, signal }), connection.now(), (json, answer) => {
        const result = readProcess(json);
        if (!result) return undefined;
        const standing = standingOf(kind, result, answer);
        if ('kind' in standing) return standing;
        return submittedAs(result.id, standing);
      });
    },

    async result(kind, processId): Promise<Read<Standing> | Voided> {
      const answer = await send('getProcess', { params: { id: processId } });
      return readAnswer<{ kind: 'ok'; value: Standing } | Voided>(answer, connection.now(), (body, whole) => {
        const result = readProcess(parseJson(body));
        const standing = result && standingOf(kind, result, whole);
        return standing && ('kind' in standing ? standing : { kind: 'ok', value: standing });
      });
    },

    async processV2(processId) {
      const answer = await send('getProcessV2', { params: { id: processId } });
      return readAnswer(answer, connection.now(), (body) => {
        const { data: value } = processResultV2.safeParse(parseJson(body));
        return value && { kind: 'ok' as const, value };
      });
    },

    async documents(query) {
      const answer = await send('listDocuments', { query });
      return readAnswer(answer, connection.now(), (body) => {
        const { data } = reusableDocuments.safeParse(parseJson(body));
        const found = data?.items ?? [];
        const value = found.flatMap(({ documentId, documentType }) =>
          documentId ? [{ documentId, documentType }] : [],
        );
        return data && { kind: 'ok' as const, value };
      });
    },

    async close() {},
  };
}

/**
 * Where a process stands. 3 is completed, and our reason is the advice (`decideClient`); 4 cancelled and 5 error come to nothing; 1 and 2 are still
 * being worked on, and so is any number nobody knows. A document names people, so its answer is kept sealed.
 */
function standingOf(kind: ClientKind, result: ProcessResult, answer: HttpAnswer): Standing | Voided {
  const { status = 3 } = result;
  const upstreamStatus = String(status);
  if (status === 4) return { kind: 'voided', reason: 'cancelled', upstreamStatus };
  if (status === 5) return { kind: 'voided', reason: 'process-error', upstreamStatus };
  const kept = kind === 'idcloud.document' ? { kept: keepAnswer(answer) } : {};
  if (status !== 3) {
    return { final: false, upstreamStatus, recognised: isOpenWord(kind, upstreamStatus), answer: result, ...kept };
  }
  const reason = decideClient({ ...result, status });
  const outcome: Outcome = { verdict: 'completed', upstreamStatus, ...(reason && { reason }) };
  return { final: true, outcome, answer: result, ...kept };
}

function readProcess(json: unknown): ProcessResult | undefined {
  const { data } = processResult.safeParse(json);
  return data?.id === '' ? undefined : data;
}
