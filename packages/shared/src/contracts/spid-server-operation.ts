import * as z from 'zod';

/** Path below which every operation lives. */
export const SPID_SERVER_BASE = '/gbs-spid-server';

/** How a lost answer is treated: `ask` means that the upstream has to be asked before the call is made again. */
export type RetryRule = 'repeat' | 'ask';

/** What a success carries. `optional`: some successes have no body (204, or a status without a schema), which is a success all the same. */
export type SpidServerAnswer =
  | { form: 'json'; schema: z.ZodType; optional?: boolean }
  /** A string, as JSON or bare. */
  | { form: 'text' }
  /** Bytes as they are. */
  | { form: 'file' }
  /** A PDF in any of the renderings of ambiguity A9. */
  | { form: 'report' }
  | { form: 'none' };

export interface SpidServerOperation {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Template below the server's root; `{name}` is a path variable. */
  path: string;
  /** The vendor's operation name, where it is not the row's key. Two operations of theirs share one. */
  vendorName?: string;
  query?: z.ZodObject;
  request?: z.ZodType;
  /** The request's body may be left out. */
  requestOptional?: boolean;
  answer: SpidServerAnswer;
  /** Statuses of success; 302 of `getOperator` carries a body and is not followed. */
  success: readonly number[];
  /** Statuses declared with an `ErrorResponse`. Others happen too. */
  errors: readonly number[];
  retry: RetryRule;
  /** Where `retry` is `ask`: the operation that tells whether the call had its effect. */
  askBy?: string;
  /** Changes what the server holds, whatever its method says. */
  writes: boolean;
  deprecated: boolean;
  /** No public page shows the method and path: they are ours until a profile replaces them. */
  provisional: boolean;
  /** Bodies whose form is inferred, not published. */
  inferred?: readonly ('request' | 'answer')[];
}

/** The nine error statuses that most operations declare. */
export const nineErrors = [400, 401, 403, 404, 409, 415, 422, 500, 503] as const;
/** The nine without 401. */
export const eightErrors = [400, 403, 404, 409, 415, 422, 500, 503] as const;

/** What most rows of the current family share: a read; a write that may be made twice without harm; one that makes something new each time. */
export const readRow = {
  errors: nineErrors,
  retry: 'repeat',
  writes: false,
  deprecated: false,
  provisional: false,
} as const;
export const repeatableRow = { ...readRow, writes: true } as const;
export const writeRow = { ...repeatableRow, retry: 'ask', askBy: 'getPersonTransactionData' } as const;

/** The specification says one object; a list is read too (ambiguities A12, A13). */
export const oneOrMany = <Schema extends z.ZodType>(schema: Schema) =>
  ({ form: 'json', schema: z.union([schema, z.array(schema).min(1)]) }) as const;
