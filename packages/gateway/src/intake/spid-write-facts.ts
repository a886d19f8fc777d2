import type {
  faceDetectRequest,
  operatorEnrollRequest,
  operatorInsertRequest,
  remoteCaptureRequest,
} from '@atesto/shared/contracts/spid-server';
import type { SpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import * as z from 'zod';
import type { GatewayLimits } from '../gateway-context.ts';
import { decodeBase64 } from './base64.ts';
import { biometricsProblems, elevenDigits } from './spid-submission.ts';

/** Whom a write is about and who asks for it, where it says so; and what is wrong with it beyond its form. */
export interface WriteFacts {
  subject?: Cpf | undefined;
  operator?: Cpf | undefined;
  problems: readonly string[];
}

/** A request as its schema has passed it: path variables, query, body. */
export interface WriteInput {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  body: unknown;
}

type Limits = Pick<GatewayLimits, 'captureBytesMax' | 'imageSideMax'>;
type Read = (input: WriteInput, limits: Limits) => WriteFacts;

const nobody: Read = () => ({ problems: [] });
/** A CPF in the path has been checked with the path. */
const subjectInPath =
  (variable: string): Read =>
  ({ params }) => ({ subject: parseCpf(params[variable] ?? ''), problems: [] });

const remote = (at: string, { clientID, operatorID, clientEmail }: RemoteFields): WriteFacts => {
  const [subject, operator] = [elevenDigits(clientID), elevenDigits(operatorID)];
  return {
    subject,
    operator,
    problems: [
      ...(subject ? [] : [`${at}.clientID: not a CPF`]),
      ...(operator ? [] : [`${at}.operatorID: not a CPF`]),
      ...(z.email().max(254).safeParse(clientEmail).success ? [] : [`${at}.clientEmail: not an address`]),
    ],
  };
};
type RemoteFields = z.infer<typeof remoteCaptureRequest>['data'];
const remoteInBody: Read = ({ body }) => remote('data', (body as z.infer<typeof remoteCaptureRequest>).data);
const remoteInQuery: Read = ({ query }) =>
  remote('data', {
    clientID: query['data.clientID'] ?? '',
    operatorID: query['data.operatorID'] ?? '',
    clientEmail: query['data.clientEmail'] ?? '',
  });

/** The session family names its operator without saying by what; the pictures are base64. */
const session: Read = ({ body }) => {
  const { operator, biometrics } = body as { operator?: string; biometrics: { content?: string | null }[] };
  return {
    operator: operator === undefined ? undefined : elevenDigits(operator),
    problems: biometrics.flatMap(({ content }, at) =>
      content && decodeBase64(content) ? [] : [`biometrics.${at}.content: not base64`],
    ),
  };
};

const reads: Record<SpidWrite, Read> = {
  deletePerson: subjectInPath('cpf'),
  deletePSBioPerson: subjectInPath('cpf'),
  deprecatedDeletePerson: subjectInPath('cpf'),
  deleteOperator: subjectInPath('key'),
  deprecatedOperatorInsert: subjectInPath('document'),
  redirectEnroll: nobody,
  finishRemoteCapture: nobody,
  notificationRemoteCapture: nobody,
  updateToken: nobody,
  createRemoteVerify: remoteInBody,
  createRemoteEnroll: remoteInBody,
  createRemoteCapture: remoteInBody,
  deprecatedCreateRemoteCaptureEnrollUsingPOST: remoteInQuery,
  deprecatedCreateRemoteCaptureUsingPOST_1: remoteInQuery,
  deprecatedSearch: session,
  deprecatedEnrollClient: session,
  deprecatedEnrollOperator: session,
  operatorInsert({ body }) {
    const { document } = (body as z.infer<typeof operatorInsertRequest>).data;
    return operatorOf(document, []);
  },
  enrollOperator({ body }, limits) {
    const { document, biometrics } = (body as z.infer<typeof operatorEnrollRequest>).data;
    return operatorOf(document, biometricsProblems(biometrics, limits));
  },
  faceDetect({ body }, { captureBytesMax }) {
    const { userId, operatorId, image } = body as z.infer<typeof faceDetectRequest>;
    const [subject, operator] = [elevenDigits(userId), elevenDigits(operatorId)];
    const bytes = decodeBase64(image);
    const isPicture = bytes !== undefined && readImageHeader(bytes) !== undefined;
    return {
      subject,
      operator,
      problems: [
        ...(subject ? [] : ['userId: not a CPF']),
        ...(operator ? [] : ['operatorId: not a CPF']),
        ...(isPicture ? [] : ['image: not a PNG, JPEG or WebP picture in base64']),
        ...(bytes && bytes.length > captureBytesMax ? ['image: too large'] : []),
      ],
    };
  },
};

/** Reads whom `name` is about from a request of the right form. */
export function readWriteFacts(name: SpidWrite, input: WriteInput, limits: Limits): WriteFacts {
  return reads[name](input, limits);
}

/** An operator's own registration is about the operator. */
function operatorOf(document: string, problems: readonly string[]): WriteFacts {
  const subject = elevenDigits(document);
  return { subject, problems: subject ? problems : ['data.document: not a CPF', ...problems] };
}
