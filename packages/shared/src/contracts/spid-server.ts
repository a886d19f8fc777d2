import * as z from 'zod';

/**
 * Bodies of SPID Server API 4.2.12 (OpenAPI published by Griaule); the operations stand in `spid-server-operations.ts`. Field names and status
 * words are the vendor's. Statuses are open enumerations: their published lists are cut off, so an unknown word must survive parsing. What
 * the server may leave out it may also send as null.
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
  message: z.string().nullish(),
  status: z.string(),
});
export type ExternalResult = z.infer<typeof externalResult>;

export const operatorStatuses = ['VERIFIED', 'GOD_MODE', 'PENDING', 'EXCEPTION', 'ENQUEUED', 'DELETED'] as const;

/** `getOperator` answers 200 without a schema or 302 with this body; both mean found. */
export const operatorPayload = z.object({
  document: z.string(),
  status: z.string(),
  tguid: z.string().nullish(),
  biometrics: z.array(biometric).nullish(),
});
export type OperatorPayload = z.infer<typeof operatorPayload>;

/** First registration of an operator, by an administrator. */
export const operatorInsertRequest = z.object({ data: z.object({ document: z.string() }) });

/** The operator's biometrics, at the first access. Status and TGUID are the server's to give; a client that read them may send them back. */
export const operatorEnrollRequest = z.object({
  data: z.object({
    document: z.string(),
    biometrics: z.array(biometric),
    status: z.string().nullish(),
    tguid: z.string().nullish(),
  }),
});

/** A row of `operatorList`: valid operators, without pictures. */
export const operatorSummary = operatorPayload.omit({ biometrics: true });

/** Answer of `GET transaction/people/{cpf}`: the person's latest transaction. */
export const transactionData = z.object({
  id: z.string(),
  userId: z.string(),
  operatorId: z.string(),
  type: z.string(),
  status: z.string(),
  timestamp: z.int(),
  psbioTcn: z.string().nullish(),
  biometrics: z.array(biometric.partial()).nullish(),
});
export type TransactionData = z.infer<typeof transactionData>;

export const errorTypes = ['VALIDATION_ERROR', 'PROCESSING_ERROR', 'INTERNAL_ERROR', 'SECURITY_ERROR'] as const;
export const errorResponse = z.object({
  errors: z.array(z.object({ type: z.string(), message: z.string() })),
  type: z.string(),
});
export type ErrorResponse = z.infer<typeof errorResponse>;

/** Answer of `GET transaction/{guid}`. Its transaction spells two fields with a capital. */
export const transactionByGuid = z.object({
  id: z.string(),
  status: z.string(),
  /** `ENROLL` is published, `SEARCH` named in a text; more follow. */
  type: z.string(),
  transaction: z
    .object({
      Biometrics: z.array(z.object({ index: z.int() })).nullish(),
      MissingBiometrics: z.array(missingBiometric.partial({ reason: true })).nullish(),
    })
    .nullish(),
});

/** Answer of `PUT redirect/verify/{guid}`: `id` is the new transaction's, a search. */
export const redirectResult = z.object({ id: z.string(), status: z.string() });

export const remoteCaptureRequest = z.object({
  data: z.object({
    /** The applicant's CPF. The capitals are the vendor's. */
    clientID: z.string(),
    /** The operator's CPF. */
    operatorID: z.string(),
    clientEmail: z.string(),
  }),
});

export const remoteCaptureResponse = z.object({
  tguid: z.string(),
  /** What the applicant opens; it lets whoever holds it capture, so it is no text for a log. */
  dynamicLink: z.string(),
});

export const remoteApproval = z.object({ approval: z.boolean() });
export const remoteNotification = z.object({ guid: z.string() });

export const faceDetectRequest = z.object({
  userId: z.string(),
  operatorId: z.string(),
  /** Base64 of the picture. */
  image: z.string(),
});
/** The TGUID of the transaction that the detection made. */
export const faceDetectResponse = z.object({ id: z.string() });

/** `ACTIVE` or `INACTIVE`, of the four services behind the server. */
export const systemStatus = z.object({
  data: z.object({
    psbioStatus: z.string(),
    spidxStatus: z.string(),
    gbdsStatus: z.string(),
    idnStatus: z.string(),
  }),
});
export type SystemStatus = z.infer<typeof systemStatus>;

/** Reasons for which the PSBio deletes a person: error and fraud. */
export const deletionReasons = ['E', 'F'] as const;

/** `updateToken` takes any object. */
export const tokenRequest = z.record(z.string(), z.unknown());
