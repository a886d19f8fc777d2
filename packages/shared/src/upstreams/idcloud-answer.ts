import { idcloudErrorBody } from '../contracts/idcloud-client.ts';
import { unicoErrorBody } from '../contracts/idcloud-unico.ts';
import { type HttpAnswer, parseJson } from './exchange.ts';
import { readFailure, submitFailure, submitWithoutAnswer } from './http-status.ts';
import type { IdcloudAnswer } from './idcloud-connection.ts';
import type { Read, Standing, SubmitResult } from './upstream.ts';

/** Invalid, expired and malformed token: the gateway in front refuses them before anything is processed. */
const tokenCodes = new Set(['10501', '10502', '30017']);
/** Headers that were missing or unknown: our settings, not the transaction's fault. */
const credentialCodes = new Set(['20001', '20002', '10201']);

/** Editions differ: 401, in by Unico with plain text, or 403 with a code. */
export function isTokenRefusal(answer: HttpAnswer): boolean {
  if (answer.status === 401) return true;
  return answer.status === 403 && tokenCodes.has(errorCodeOf(answer) ?? '');
}

/**
 * The vendor's error code as digits, from by Client's envelope or by Unico's; editions send it as a number or as a string. The text beside it is not
 * read: it may name people.
 */
function errorCodeOf(answer: HttpAnswer): string | undefined {
  const json = answer.body && parseJson(answer.body);
  const client = idcloudErrorBody.safeParse(json);
  const code = client.success ? client.data.error.code : unicoErrorBody.safeParse(json).data?.code;
  return /^\d{1,6}$/.test(String(code)) ? String(code) : undefined;
}

/** What a create's answer says; `understand` reads the JSON of a success, and gives undefined for what is not of the contract. */
export function readCreated(
  answer: IdcloudAnswer,
  now: number,
  understand: (json: unknown, answer: HttpAnswer) => SubmitResult | undefined,
): SubmitResult {
  if (answer.kind === 'unavailable') return answer;
  if (answer.kind === 'none') return submitWithoutAnswer(answer);
  const httpStatus = answer.status;
  if (httpStatus < 200 || httpStatus > 299) {
    const upstreamCode = errorCodeOf(answer);
    if (httpStatus === 400 && credentialCodes.has(upstreamCode ?? '')) {
      return { kind: 'unavailable', reason: 'unauthorized', httpStatus, ...(upstreamCode && { upstreamCode }) };
    }
    return submitFailure(answer, now, upstreamCode);
  }
  if (!answer.body) return { kind: 'unknown', reason: answer.bodyFault ?? 'answer-lost', httpStatus };
  if (answer.body.length === 0) return { kind: 'unknown', reason: 'accepted-without-id', httpStatus };
  return understand(parseJson(answer.body), answer) ?? { kind: 'unknown', reason: 'answer-unreadable', httpStatus };
}

/** A create that was answered with how its process stands. */
export function submittedAs(upstreamId: string, { answer, kept, ...standing }: Standing): SubmitResult {
  const facts = { upstreamId, ...(answer && { answer }), ...(kept && { kept }) };
  return standing.final
    ? { kind: 'answered', outcome: standing.outcome, ...facts }
    : { kind: 'taken', upstreamStatus: standing.upstreamStatus, ...facts };
}

/** What a read's answer says. `understand` as in `readCreated`. */
export function readAnswer<T extends { kind: string }>(
  answer: IdcloudAnswer,
  now: number,
  understand: (body: Buffer, answer: HttpAnswer) => T | undefined,
): T | Exclude<Read<never>, { kind: 'ok' }> {
  if (answer.kind === 'unavailable') return answer;
  if (answer.kind === 'none' || answer.status !== 200) {
    return readFailure(answer, now, answer.kind === 'http' ? errorCodeOf(answer) : undefined);
  }
  const understood = answer.body && understand(answer.body, answer);
  return understood ?? { kind: 'unavailable', reason: answer.bodyFault ?? 'answer-unreadable', httpStatus: 200 };
}
