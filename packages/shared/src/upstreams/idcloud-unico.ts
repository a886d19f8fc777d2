import type * as z from 'zod';
import {
  type UnicoOperation,
  type UnicoProcess,
  unicoFile,
  unicoOperations,
  unicoProcessAnswer,
} from '../contracts/idcloud-unico.ts';
import { decideUnico, isOpenWord } from '../domain/idcloud-decision.ts';
import { type HttpAnswer, parseJson } from './exchange.ts';
import { readAnswer, readCreated, submittedAs } from './idcloud-answer.ts';
import type { IdcloudAnswer, IdcloudConnection, IdcloudRequest } from './idcloud-connection.ts';
import { keepAnswer } from './keep-answer.ts';
import type { Read, Standing, Upstream } from './upstream.ts';

/** A picture or document of a process, in base64. */
export type UnicoFile = z.infer<typeof unicoFile>;

/** IDCloud by Unico of one account (edition D). */
export interface UnicoClient extends Upstream<'idcloud.unico'> {
  /** The answer as it came, for a face that passes it on. @throws RangeError for a path variable that is missing, and what `body.open` throws */
  send(name: UnicoOperation, request: IdcloudRequest): Promise<IdcloudAnswer>;
  process(processId: string): Promise<Read<UnicoProcess>>;
  selfie(processId: string): Promise<Read<UnicoFile>>;
  /** `not-found` until the process is finished. */
  evidenceSet(processId: string): Promise<Read<UnicoFile>>;
  /** A PDF; it may be a minute late. */
  signedDocument(documentId: string): Promise<Read<Buffer>>;
  signedDocumentEvidence(documentId: string): Promise<Read<Buffer>>;
}

/** Answers of these are pictures and documents. */
const files: ReadonlySet<UnicoOperation> = new Set([
  'getSelfie',
  'getEvidenceSet',
  'getSignedDocument',
  'getSignedDocumentEvidence',
]);

/** @param connection is closed by its owner: `close` does nothing */
export function createUnicoClient(connection: IdcloudConnection): UnicoClient {
  const send: UnicoClient['send'] = (name, request) => {
    const row = unicoOperations[name];
    return connection.send(row.host, row, request, { isFile: files.has(name) });
  };
  async function read<T>(
    name: UnicoOperation,
    params: Record<string, string>,
    understand: (body: Buffer) => T | undefined,
  ): Promise<Read<T>> {
    return readAnswer(await send(name, { params }), connection.now(), (body) => {
      const value = understand(body);
      return value === undefined ? undefined : { kind: 'ok' as const, value };
    });
  }
  const file = (name: UnicoOperation, processId: string) =>
    read(name, { processId }, (body) => unicoFile.safeParse(parseJson(body)).data);
  const signed = (name: UnicoOperation, documentId: string) =>
    read(name, { documentId }, (body) => (body.length > 0 ? body : undefined));

  return {
    send,

    async submit(_kind, body, { signal } = {}) {
      return readCreated(await send('createUnicoProcess', { body, signal }), connection.now(), (json, answer) => {
        const process = readProcess(json);
        if (!process) return undefined;
        const { state, id: upstreamId } = process;
        // Nobody has its link yet.
        if (state === 'PROCESS_STATE_FAILED') {
          return { kind: 'voided', reason: 'process-error', upstreamStatus: state };
        }
        return submittedAs(upstreamId, standingOf(process, answer));
      });
    },

    async result(_kind, processId): Promise<Read<Standing>> {
      const answer = await send('getUnicoProcess', { params: { processId } });
      return readAnswer(answer, connection.now(), (body, whole) => {
        const process = readProcess(parseJson(body));
        if (!process) return undefined;
        return { kind: 'ok' as const, value: standingOf(process, whole) };
      });
    },

    process: (processId) => read('getUnicoProcess', { processId }, (body) => readProcess(parseJson(body))),
    selfie: (processId) => file('getSelfie', processId),
    evidenceSet: (processId) => file('getEvidenceSet', processId),
    signedDocument: (documentId) => signed('getSignedDocument', documentId),
    signedDocumentEvidence: (documentId) => signed('getSignedDocumentEvidence', documentId),
    async close() {},
  };
}

/** Where a process stands. Its word is the result once it is over, and the state before. Its answers name the person and hold links: they are kept sealed. */
function standingOf(process: UnicoProcess, answer: HttpAnswer): Standing {
  const { state, result } = process;
  const facts = { answer: process, kept: keepAnswer(answer) };
  const decision = decideUnico(process);
  if (decision) {
    const upstreamStatus = state === 'PROCESS_STATE_FAILED' ? state : (result ?? state);
    return { final: true, outcome: { ...decision, upstreamStatus }, ...facts };
  }
  // Finished with a result that nobody knows is no end.
  return { final: false, upstreamStatus: state, recognised: isOpenWord('idcloud.unico', state), ...facts };
}

function readProcess(json: unknown): UnicoProcess | undefined {
  return unicoProcessAnswer.safeParse(json).data?.process;
}
