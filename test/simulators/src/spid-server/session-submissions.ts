import {
  type ContentData,
  sessionEnrollClientRequest,
  sessionEnrollRequest,
  sessionSearchRequest,
} from '@atesto/shared/contracts/spid-server-session';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import type { FastifyReply } from 'fastify';
import { compare, readAll, type StoredBiometric } from './biometrics.ts';
import { sessionResult, sessionTransaction } from './bodies.ts';
import { sendError } from './errors.ts';
import { checked, type HandlerContext, type HandlersOf, mayAct, sendJson } from './http.ts';
import { isOpen } from './session-handlers.ts';
import type { Matter } from './state.ts';
import { elevenDigits } from './validate.ts';

type Names = 'deprecatedSearch' | 'deprecatedEnrollClient' | 'deprecatedEnrollOperator';

type Keys = readonly { value?: string | null | undefined }[];

/** The key that is a CPF: how the keys are named is not published. */
function cpfOf(keys: Keys): Cpf | undefined {
  for (const { value } of keys) {
    const cpf = value ? elevenDigits(value) : undefined;
    if (cpf) return cpf;
  }
  return undefined;
}

/** The pictures, with the size that they say or have. Undefined after the refusal has been sent. */
function pictures(contents: readonly ContentData[], reply: FastifyReply): StoredBiometric[] | undefined {
  const wires = contents.map(({ index, content, properties }) => {
    const image = properties?.['image-properties'];
    const header = readImageHeader(Buffer.from(content ?? '', 'base64'));
    const width = image?.width ?? header?.width ?? 0;
    const height = image?.height ?? header?.height ?? 0;
    return { index, content: content ?? '', width, height, resolution: image?.resolution ?? 500 };
  });
  const read = wires.length === 0 ? 'biometrics: empty' : readAll(wires);
  if (typeof read !== 'string') return read;
  sendError(reply, 400, [read]);
  return undefined;
}

/** The session-bound family: what submits pictures. */
export function sessionSubmissions(context: HandlerContext): HandlersOf<Names> {
  const { state, options } = context;

  /** Everybody whose record fits the pictures; only the person named, where one is. */
  async function candidates(subject: string | undefined, biometrics: readonly StoredBiometric[]) {
    const found: { cpf: string; guid: string; tguid: string }[] = [];
    for (const [cpf, { guid, tguid, biometrics: enrolled }] of state.people) {
      if (subject !== undefined && cpf !== subject) continue;
      if (await compare(enrolled, biometrics, options.matchers)) found.push({ cpf, guid, tguid });
    }
    return found;
  }

  return {
    deprecatedSearch: async (request, reply) => {
      const body = checked(sessionSearchRequest, request.body, reply);
      const biometrics = body && pictures(body.biometrics, reply);
      if (!body || !biometrics) return reply;
      const operator = elevenDigits(body.operator);
      if (!operator) return sendError(reply, 400, ['operator: not a CPF']);
      if (!mayAct(context, operator, reply)) return reply;
      state.settle();
      const subject = cpfOf(body.keys);
      const found = await candidates(subject, biometrics);
      const isUnknown = subject !== undefined && !state.people.has(subject);
      const word = isUnknown ? 'SEARCH_FAILED' : found.length > 0 ? 'SEARCH_MATCH' : 'SEARCH_NOT_MATCH';
      const matter: Matter = {
        subject: subject ?? found[0]?.cpf ?? '',
        operator,
        timestamp: body.timestamp,
        biometrics,
        missing: [],
      };
      const transaction = state.accept('SEARCH', matter, word);
      const result = sessionResult(word, {
        'transaction-guid': transaction.tguid,
        transactions: [sessionTransaction(transaction)],
        count: found.length,
        candidates: found.map(({ guid, tguid }) => ({
          'person-guid': guid,
          'transaction-guid': tguid,
          'match-info': biometrics.map(({ index }) => ({
            score: 100,
            matches: [],
            'query-index': index,
            'reference-index': index,
          })),
          'biometric-count': biometrics.length,
        })),
      });
      return sendJson(reply, 200, result);
    },

    deprecatedEnrollClient: async (request, reply) => {
      const body = checked(sessionEnrollClientRequest, request.body, reply);
      if (!body || !isOpen(context, body['session-guid'], reply)) return reply;
      const biometrics = pictures(body.biometrics, reply);
      if (!biometrics) return reply;
      const [subject, operator] = [cpfOf(body.keys), elevenDigits(body.operator)];
      if (!subject || !operator) return sendError(reply, 400, ['keys, operator: not a CPF']);
      if (!mayAct(context, operator, reply)) return reply;
      const matter = { subject, operator, timestamp: state.now(), biometrics, missing: [] };
      const { tguid, status } = state.accept('ENROLL', matter, 'ENROLL_PENDING');
      const ids = { 'session-guid': body['session-guid'], 'transaction-guid': tguid };
      return sendJson(reply, 200, sessionResult(status, ids));
    },

    deprecatedEnrollOperator: async (request, reply) => {
      const body = checked(sessionEnrollRequest, request.body, reply);
      if (!body || !isOpen(context, body['session-guid'], reply)) return reply;
      const biometrics = pictures(body.biometrics, reply);
      if (!biometrics) return reply;
      const cpf = cpfOf(body.keys);
      if (!cpf) return sendError(reply, 400, ['keys: not a CPF']);
      state.settle();
      const known = state.operators.get(cpf);
      if (!known || known.status === 'DELETED') return sendError(reply, 404, ['no such operator']);
      if (known.status !== 'PENDING') return sendError(reply, 409, ['operator is enrolled']);
      const { tguid, status } = state.enrollOperator(cpf, biometrics);
      const ids = { 'session-guid': body['session-guid'], 'transaction-guid': tguid };
      return sendJson(reply, 200, sessionResult(status, ids));
    },
  };
}
