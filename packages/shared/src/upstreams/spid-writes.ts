import { buffer } from 'node:stream/consumers';
import * as z from 'zod';
import { externalResult, redirectResult, remoteCaptureResponse } from '../contracts/spid-server.ts';
import type { SpidServerOperation } from '../contracts/spid-server-operation.ts';
import { isBodyAlone, type SpidWrite, type SpidWriteKind, spidWriteKinds } from '../contracts/spid-server-writes.ts';
import { textBody } from './body.ts';
import type { HttpAnswer, NoAnswer } from './exchange.ts';
import { submitFailure, submitWithoutAnswer } from './http-status.ts';
import { keepAnswer } from './keep-answer.ts';
import { errorTypeOf, understand } from './spid-answer.ts';
import type { SpidConnection, SpidRequest } from './spid-connection.ts';
import type { SubmitResult, UpstreamBody } from './upstream.ts';

/** Refusals that are about what was asked, and so an answer to whoever asked. */
const answers = new Set([400, 404, 409, 410, 413, 415, 422]);
/** Of the deprecated family 403 is about the caller's session, not about our credentials. */
const sessionAnswers = new Set([...answers, 403]);

const writeRequest = z.object({
  params: z.record(z.string(), z.string()),
  query: z.record(z.string(), z.string()),
  body: z.string().optional(),
});

/** How a submission's id and word become its result. */
type Submitted = (
  kind: 'spid.delete' | 'spid.redirect',
  upstreamId: string,
  upstreamStatus: string,
  httpStatus: number,
) => SubmitResult;

/** Makes a write of the table from its sealed request, and reads what came of it. @throws what `request.open` throws */
export async function performWrite(
  connection: SpidConnection,
  submitted: Submitted,
  name: SpidWrite,
  request: UpstreamBody,
  signal: AbortSignal | undefined,
): Promise<SubmitResult> {
  const row = connection.operations[name];
  const answer = await connection.send(name, { ...(await unpack(row, request)), signal });
  const result = readWritten(connection, submitted, name, answer);
  // Where a second one does no harm, an answer that was lost is no more than a try that failed.
  return result.kind === 'unknown' && row.retry === 'repeat' ? { ...result, kind: 'unavailable' } : result;
}

async function unpack(row: SpidServerOperation, request: UpstreamBody): Promise<SpidRequest> {
  if (isBodyAlone(row)) return request.length > 0 ? { body: request } : {};
  const sealed = await buffer(await request.open());
  const { params, query, body } = writeRequest.parse(JSON.parse(sealed.toString()));
  return { params, query, ...(body === undefined ? {} : { body: textBody(body) }) };
}

function readWritten(
  connection: SpidConnection,
  submitted: Submitted,
  name: SpidWrite,
  answer: HttpAnswer | NoAnswer,
): SubmitResult {
  if (answer.kind === 'none') return submitWithoutAnswer(answer);
  const httpStatus = answer.status;
  const upstreamStatus = `HTTP ${httpStatus}`;
  if ((connection.operations[name].deprecated ? sessionAnswers : answers).has(httpStatus)) {
    return { kind: 'answered', outcome: { verdict: 'rejected', upstreamStatus }, kept: keepAnswer(answer) };
  }
  if (httpStatus < 200 || httpStatus > 299) return submitFailure(answer, connection.now(), errorTypeOf(answer));
  if (!answer.body) return { kind: 'unknown', reason: answer.bodyFault ?? 'answer-lost', httpStatus };
  const understood = understand(connection.operations[name].answer, answer.body);
  if (understood === 'empty') return { kind: 'unknown', reason: 'accepted-without-id', httpStatus };
  if (!understood) return { kind: 'unknown', reason: 'answer-unreadable', httpStatus };

  const kind: SpidWriteKind = spidWriteKinds[name];
  const done = {
    kind: 'answered',
    outcome: { verdict: 'completed', upstreamStatus },
    kept: keepAnswer(answer),
  } as const;
  switch (kind) {
    case 'spid.command':
      return done;
    case 'spid.delete': {
      // A 204 says that it is done and names no transaction.
      if (understood.value === undefined) return done;
      const { id, status } = externalResult.parse(understood.value);
      return submitted(kind, id, status, httpStatus);
    }
    case 'spid.redirect': {
      const { id, status } = redirectResult.parse(understood.value);
      return submitted(kind, id, status, httpStatus);
    }
    case 'spid.remote-verify':
    case 'spid.remote-enroll': {
      const { tguid } = remoteCaptureResponse.parse(understood.value);
      if (tguid === '') return { kind: 'unknown', reason: 'answer-unreadable', httpStatus };
      // The answer has no word; this is the one that the result calls begin with.
      const pending = kind === 'spid.remote-enroll' ? 'ENROLL_PENDING' : 'SEARCH_PENDING';
      return { kind: 'taken', upstreamId: tguid, upstreamStatus: pending, kept: keepAnswer(answer) };
    }
    default:
      return kind satisfies never;
  }
}
