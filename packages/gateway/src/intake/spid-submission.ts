import { isUtf8 } from 'node:buffer';
import { newTransaction } from '@atesto/shared/contracts/gateway';
import { type UserTransactionRequest, userTransactionRequest } from '@atesto/shared/contracts/spid-server';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { letGo } from '@atesto/shared/vault/let-go';
import type * as z from 'zod';
import type { GatewayLimits } from '../gateway-context.ts';
import { decodeBase64 } from './base64.ts';

/** Messages of one refusal: enough to mend a body, few enough to read. */
const MESSAGES_MAX = 20;

/** A refusal of what a caller of the SPID Server face sent. The messages name fields, never what is in them. */
export class SpidRefusal extends Error {
  override readonly name = 'SpidRefusal';
  readonly status: 400 | 404 | 409;
  readonly messages: readonly string[];
  constructor(status: 400 | 404 | 409, messages: readonly string[]) {
    super(`refused with ${status}`);
    this.status = status;
    this.messages = messages.slice(0, MESSAGES_MAX);
  }
}

/** Who is submitted, by whom, and when they were captured. */
export interface SubmissionFacts {
  userId: Cpf;
  operatorId: Cpf;
  /** Epoch milliseconds. */
  timestamp: number;
}

/** A body of the SPID Server face in its form. @throws SpidRefusal 400 that names fields */
export function checkForm<Schema extends z.ZodType>(schema: Schema, body: Buffer): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  throw new SpidRefusal(
    400,
    issues.map(({ path, code }) => `${path.join('.') || 'body'}: ${code}`),
  );
}

/** Reads the body of `enroll` or `verify` in full, once: what passes is posted as it came. @throws SpidRefusal 400 */
export function checkSubmission(
  body: Buffer,
  limits: Pick<GatewayLimits, 'captureBytesMax' | 'imageSideMax'>,
): SubmissionFacts {
  const { data } = checkForm(userTransactionRequest, body);
  const userId = elevenDigits(data.userId);
  const operatorId = elevenDigits(data.operatorId);
  const problems = [...problemsOf(data), ...biometricsProblems(data.biometrics, limits)];
  if (!userId) problems.unshift('data.userId: not a CPF');
  if (!operatorId) problems.unshift('data.operatorId: not a CPF');
  if (problems.length > 0 || !userId || !operatorId) throw new SpidRefusal(400, problems);
  return { userId, operatorId, timestamp: data.timestamp };
}

type Submission = UserTransactionRequest['data'];

/** What is wrong with the pictures of a request. */
export function biometricsProblems(
  biometrics: Submission['biometrics'],
  limits: Pick<GatewayLimits, 'captureBytesMax' | 'imageSideMax'>,
): string[] {
  const none = biometrics.length === 0 ? ['data.biometrics: empty'] : [];
  return [...none, ...biometrics.flatMap((one, at) => pictureProblem(one, at, limits))];
}

function problemsOf({ timestamp, biometrics, missingBiometrics }: Submission): string[] {
  const indexes = [...biometrics, ...missingBiometrics].map(({ index }) => index);
  const problems: string[] = [];
  if (!newTransaction.shape.capturedAt.safeParse(timestamp).success) {
    problems.push('data.timestamp: not epoch milliseconds');
  }
  if (new Set(indexes).size < indexes.length) problems.push('data: an index appears twice');
  if (indexes.some((index) => index < 0 || index > FACE_INDEX)) {
    problems.push('data: an index is not a finger or the face');
  }
  return problems;
}

function pictureProblem(
  { content, width, height, resolution }: Submission['biometrics'][number],
  position: number,
  { captureBytesMax, imageSideMax }: Pick<GatewayLimits, 'captureBytesMax' | 'imageSideMax'>,
): string[] {
  const at = `data.biometrics.${position}`;
  if (resolution <= 0) return [`${at}.resolution: not positive`];
  const bytes = decodeBase64(content);
  if (!bytes?.length) return [`${at}.content: not base64`];
  if (bytes.length > captureBytesMax) return [`${at}.content: too large`];
  const header = readImageHeader(bytes);
  letGo(bytes);
  if (!header) return [`${at}.content: not a PNG, JPEG or WebP picture`];
  if (Math.max(header.width, header.height) > imageSideMax) return [`${at}.content: too many pixels`];
  if (header.width !== width || header.height !== height) return [`${at}: width and height are not the picture's`];
  return [];
}

function parseJson(body: Buffer): unknown {
  try {
    // Bytes that are no text would be read here and by the upstream in two ways.
    return isUtf8(body) ? JSON.parse(body.toString()) : undefined;
  } catch {
    return undefined;
  }
}

/** The wire has eleven digits and nothing between them; and the body is posted as it came. */
export function elevenDigits(text: string): Cpf | undefined {
  const cpf = parseCpf(text);
  return cpf === text ? cpf : undefined;
}
