import * as z from 'zod';

/**
 * SPID Server API 4.2.12 (OpenAPI published by Griaule), the part in use. Field names and status words are the vendor's. Statuses are open
 * enumerations: their published lists are cut off, so an unknown word must survive parsing.
 */

export const biometric = z.object({
  index: z.int(),
  /** Base64 of the picture. */
  content: z.string(),
  width: z.int(),
  height: z.int(),
  /** Dots per inch. */
  resolution: z.int(),
});

export const missingBiometric = z.object({
  index: z.int(),
  /** `AMPUTATED` is documented; `BANDAGED` is inferred from the PSBio API. */
  type: z.string(),
  reason: z.string(),
});

export const userTransaction = z.object({
  biometrics: z.array(biometric),
  missingBiometrics: z.array(missingBiometric),
  /** The person's CPF, eleven digits. */
  userId: z.string(),
  /** The operator's CPF. */
  operatorId: z.string(),
  /** Epoch milliseconds. */
  timestamp: z.int(),
});
export const userTransactionRequest = z.object({ data: userTransaction });
export type UserTransactionRequest = z.infer<typeof userTransactionRequest>;

export const externalResult = z.object({
  /** The transaction's TGUID. */
  id: z.string(),
  message: z.string().optional(),
  status: z.string(),
});
export type ExternalResult = z.infer<typeof externalResult>;

export const operatorStatuses = ['VERIFIED', 'GOD_MODE', 'PENDING', 'EXCEPTION', 'ENQUEUED', 'DELETED'] as const;

/** `getOperator` answers 200 without a schema or 302 with this body; both mean found. */
export const operatorPayload = z.object({
  document: z.string(),
  status: z.string(),
  tguid: z.string().optional(),
  biometrics: z.array(biometric).optional(),
});
export type OperatorPayload = z.infer<typeof operatorPayload>;

/** Answer of `GET transaction/people/{cpf}`: the person's latest transaction. */
export const transactionData = z.object({
  id: z.string(),
  userId: z.string(),
  operatorId: z.string(),
  type: z.string(),
  status: z.string(),
  timestamp: z.int(),
  psbioTcn: z.string().optional(),
  biometrics: z.array(biometric.partial()).optional(),
});
export type TransactionData = z.infer<typeof transactionData>;

export const errorTypes = ['VALIDATION_ERROR', 'PROCESSING_ERROR', 'INTERNAL_ERROR', 'SECURITY_ERROR'] as const;
export const errorResponse = z.object({
  errors: z.array(z.object({ type: z.string(), message: z.string() })),
  type: z.string(),
});
export type ErrorResponse = z.infer<typeof errorResponse>;

/** How a lost answer is treated: `ask` means that the upstream has to be asked before the call is made again. */
export type RetryRule = 'repeat' | 'ask';

export interface SpidServerOperation {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Template below the server's root; `{name}` is a path variable. */
  path: string;
  /** Statuses of success; 302 of `getOperator` carries a body and is not followed. */
  success: readonly number[];
  retry: RetryRule;
}

/** One row per operation; client, simulator and contract tests are driven by it. */
export const spidServerOperations = {
  enroll: { method: 'POST', path: '/gbs-spid-server/people', success: [200, 201], retry: 'ask' },
  getEnrollResult: {
    method: 'GET',
    path: '/gbs-spid-server/people/transactions/{id}',
    success: [200],
    retry: 'repeat',
  },
  getPerson: { method: 'GET', path: '/gbs-spid-server/people/{key}', success: [200], retry: 'repeat' },
  verify: { method: 'POST', path: '/gbs-spid-server/verify', success: [200, 201], retry: 'ask' },
  getSearchResult: { method: 'GET', path: '/gbs-spid-server/verify/{tguid}', success: [200], retry: 'repeat' },
  generateReport: { method: 'GET', path: '/gbs-spid-server/report/{tguid}', success: [200], retry: 'repeat' },
  getPersonTransactionData: {
    method: 'GET',
    path: '/gbs-spid-server/transaction/people/{cpf}',
    success: [200],
    retry: 'repeat',
  },
  getOperator: { method: 'GET', path: '/gbs-spid-server/operator/{key}', success: [200, 302], retry: 'repeat' },
} as const satisfies Record<string, SpidServerOperation>;

export type SpidServerOperationName = keyof typeof spidServerOperations;
