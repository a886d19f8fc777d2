import type * as z from 'zod';
import type { SpidServerOperationName, spidServerOperations } from '../contracts/spid-server-operations.ts';
import { textBody } from './body.ts';
import type { HttpAnswer } from './exchange.ts';
import { readFailure, submitFailure, submitWithoutAnswer } from './http-status.ts';
import { errorTypeOf, understand } from './spid-answer.ts';
import type { SpidConnection } from './spid-connection.ts';
import type { Read, Refused, Throttled, Unavailable, Unknown, UpstreamBody, UpstreamReason } from './upstream.ts';

type Table = typeof spidServerOperations;
type Row<Name extends SpidServerOperationName> = Table[Name];

type Variables<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Variables<Rest>
  : never;
type Params<Path extends string> = [Variables<Path>] extends [never]
  ? { params?: undefined }
  : { params: Readonly<Record<Variables<Path>, string>> };
type Query<R> = R extends { query: infer Schema extends z.ZodType }
  ? object extends z.input<Schema>
    ? { query?: z.input<Schema> }
    : { query: z.input<Schema> }
  : { query?: undefined };
type Sent<Schema extends z.ZodType> =
  | { body: z.input<Schema>; stream?: undefined }
  /** The JSON as it will be posted, already built. */
  | { stream: UpstreamBody; body?: undefined };
type Body<R> = R extends { request: infer Schema extends z.ZodType }
  ? R extends { requestOptional: true }
    ? Sent<Schema> | { body?: undefined; stream?: undefined }
    : Sent<Schema>
  : { body?: undefined; stream?: undefined };

/** What a call of `Name` takes. */
export type SpidInput<Name extends SpidServerOperationName> = Params<Row<Name>['path']> &
  Query<Row<Name>> &
  Body<Row<Name>> & { signal?: AbortSignal };

/** What its success carries. */
export type SpidValue<Name extends SpidServerOperationName> = Row<Name>['answer'] extends {
  form: 'json';
  schema: infer Schema extends z.ZodType;
}
  ? z.output<Schema> | (Row<Name>['answer'] extends { optional: true } ? undefined : never)
  : Row<Name>['answer'] extends { form: 'text' }
    ? string
    : Row<Name>['answer'] extends { form: 'none' }
      ? undefined
      : Buffer;

/** What became of a write. `unknown` is as for submissions: it may have had its effect, and the row's `askBy` tells. */
export type Written<T> = { kind: 'done'; value: T; httpStatus: number } | Refused | Unavailable | Throttled | Unknown;

export type SpidResult<Name extends SpidServerOperationName> = Row<Name>['writes'] extends true
  ? Written<SpidValue<Name>>
  : Read<SpidValue<Name>>;

type Arguments<Input> = object extends Input ? [input?: Input] : [input: Input];

/**
 * Makes any call of the table. @throws RangeError for a path variable that is missing, and what `stream.open` throws; never for what the
 * server or the wire does.
 */
export type SpidCall = <Name extends SpidServerOperationName>(
  name: Name,
  ...args: Arguments<SpidInput<Name>>
) => Promise<SpidResult<Name>>;

interface LooseInput {
  params?: Readonly<Record<string, string>> | undefined;
  query?: Readonly<Record<string, string>> | undefined;
  body?: unknown;
  stream?: UpstreamBody | undefined;
  signal?: AbortSignal | undefined;
}

export function createSpidCall(connection: SpidConnection): SpidCall {
  const call = async (name: SpidServerOperationName, input: LooseInput = {}) => {
    const body = input.stream ?? (input.body === undefined ? undefined : textBody(JSON.stringify(input.body)));
    const { params, query, signal } = input;
    const answer = await connection.send(name, { params, query, body, signal });
    const row = connection.operations[name];
    if (!row.writes) {
      if (answer.kind === 'none' || !row.success.includes(answer.status)) {
        return readFailure(answer, connection.now(), answer.kind === 'http' ? errorTypeOf(answer) : undefined);
      }
      const value = readValue(answer, (whole) => understand(row.answer, whole));
      return 'reason' in value
        ? { kind: 'unavailable', ...value, httpStatus: answer.status }
        : { kind: 'ok', value: value.value };
    }
    if (answer.kind === 'none') return submitWithoutAnswer(answer);
    // 200 and 201 are both taken, whichever of them is declared (ambiguity A11).
    if (answer.status < 200 || answer.status > 299) {
      return submitFailure(answer, connection.now(), errorTypeOf(answer));
    }
    const httpStatus = answer.status;
    const value = readValue(answer, (whole) => understand(row.answer, whole), 'accepted-without-id');
    return 'reason' in value ? { kind: 'unknown', ...value, httpStatus } : { kind: 'done', ...value, httpStatus };
  };
  // The table's types are for callers; inside, a row is a row.
  return call as unknown as SpidCall;
}

function readValue(
  answer: HttpAnswer,
  read: (body: Buffer) => ReturnType<typeof understand>,
  whenEmpty: UpstreamReason = 'answer-unreadable',
): { value: unknown } | { reason: UpstreamReason } {
  if (!answer.body) return { reason: answer.bodyFault ?? 'answer-lost' };
  const understood = read(answer.body);
  if (understood === 'empty') return { reason: whenEmpty };
  return understood ?? { reason: 'answer-unreadable' };
}
