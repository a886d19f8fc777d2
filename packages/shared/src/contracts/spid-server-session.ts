import * as z from 'zod';
import { biometric, missingBiometric } from './spid-server.ts';

/**
 * Bodies of SPID Server's older, session-bound family, and of `getPerson`, which shares its forms. Much of it is cut off in the published
 * text, so everything that is read is optional and may be null; fields that are not named here are dropped.
 */

/** Name and value, as in the sister API (GBDS); the fields are not visible in SPID Server's own text. */
export const searchKey = z.object({ name: z.string().nullish(), value: z.string().nullish() });
/** As `searchKey`: inferred from the sister API. */
export const biographicData = z.object({ name: z.string().nullish(), value: z.string().nullish() });

export const contentData = z.object({
  index: z.int(),
  /** Base64 of the picture. */
  content: z.string().nullish(),
  properties: z
    .object({
      description: z.string().nullish(),
      quality: z.int().nullish(),
      index: z.string().nullish(),
      location: z.string().nullish(),
      anomaly: z.string().nullish(),
      metadata: z.array(z.string()).nullish(),
      /** ISO 8601. */
      'capture-date': z.string().nullish(),
      'capture-type': z.string().nullish(),
      'template-properties': z.object({ resolution: z.int().nullish() }).nullish(),
      'image-properties': z
        .object({
          width: z.int().nullish(),
          height: z.int().nullish(),
          /** Dots per inch. */
          resolution: z.int().nullish(),
          ratio: z.number().nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
export type ContentData = z.infer<typeof contentData>;

/** Answer of `getPerson`. */
export const person = z.object({
  approvement: z
    .object({
      comments: z.string().nullish(),
      status: z.string().nullish(),
      timestamp: z.union([z.string(), z.int()]).nullish(),
      user: z.string().nullish(),
    })
    .nullish(),
  auxiliaries: z.array(contentData).nullish(),
  biographics: z.array(biographicData).nullish(),
  biometrics: z.array(contentData).nullish(),
  'enroll-status': z.string().nullish(),
  keys: z.array(searchKey).nullish(),
  labels: z.array(z.string()).nullish(),
  metadata: z.string().nullish(),
  'person-guid': z.string().nullish(),
  timestamp: z.union([z.string(), z.int()]).nullish(),
  'transaction-guid': z.string().nullish(),
});
export type SpidPerson = z.infer<typeof person>;

const sessionPerson = z.object({
  biometrics: z.array(biometric.partial()).nullish(),
  missingBiometrics: z.array(missingBiometric.partial()).nullish(),
  userId: z.string().nullish(),
  idn: z.string().nullish(),
});

const sessionTransaction = z.object({
  id: z.string().nullish(),
  userId: z.string().nullish(),
  operatorId: z.string().nullish(),
  type: z.string().nullish(),
  status: z.string().nullish(),
  /** Epoch milliseconds. */
  timestamp: z.int().nullish(),
  gbdsTguid: z.string().nullish(),
  spidxTguid: z.string().nullish(),
  psbioTcn: z.string().nullish(),
  biometrics: z.array(biometric.partial()).nullish(),
});

const candidate = z.object({
  anomaly: z
    .object({
      status: z.string().nullish(),
      user: z.string().nullish(),
      comments: z.string().nullish(),
      date: z.string().nullish(),
    })
    .nullish(),
  'person-guid': z.string().nullish(),
  'transaction-guid': z.string().nullish(),
  'match-info': z
    .array(
      z.object({
        score: z.number().nullish(),
        matches: z.array(z.object({ query: z.int().nullish(), reference: z.int().nullish() })).nullish(),
        'query-index': z.int().nullish(),
        'reference-index': z.int().nullish(),
      }),
    )
    .nullish(),
  'biometric-count': z.int().nullish(),
});

/** What most of the session family answers. `status` is the open enumeration of `ExternalResult`, `code` 0 where all went well. */
export const transactionResult = z.object({
  status: z.string(),
  code: z.int().nullish(),
  message: z.string().nullish(),
  candidates: z.array(candidate).nullish(),
  persons: z.array(sessionPerson).nullish(),
  person: sessionPerson.nullish(),
  transactions: z.array(sessionTransaction).nullish(),
  progress: z.number().nullish(),
  count: z.int().nullish(),
  'session-guid': z.string().nullish(),
  'transaction-guid': z.string().nullish(),
  'person-guid': z.string().nullish(),
  'enroll-transactions': z.array(z.unknown()).nullish(),
  'anomalies-status': z.string().nullish(),
});
export type TransactionResult = z.infer<typeof transactionResult>;

/** Credentials out, a session's GUID in; or the GUID to close. A bare JSON string. */
export const jsonString = z.string().min(1);

export const sessionSearchRequest = z.object({
  operator: z.string(),
  /** Epoch milliseconds. */
  timestamp: z.int(),
  keys: z.array(searchKey),
  biometrics: z.array(contentData),
});

/** An enrolment in the session family. Only what names the person, the session and the pictures is demanded. */
export const sessionEnrollRequest = z.object({
  metadata: z.array(z.string()).nullish(),
  timeout: z.int().nullish(),
  labels: z.array(z.string()).nullish(),
  filters: z.array(z.string()).nullish(),
  priority: z
    .enum([
      'LOWEST_PRIORITY',
      'LOWER_PRIORITY',
      'LOW_PRIORITY',
      'DEFAULT_PRIORITY',
      'HIGH_PRIORITY',
      'HIGHER_PRIORITY',
      'HIGHEST_PRIORITY',
    ])
    .nullish(),
  'session-guid': z.string(),
  'person-guid': z.string().nullish(),
  keys: z.array(searchKey),
  biographics: z.array(biographicData).nullish(),
  biometrics: z.array(contentData),
  auxiliaries: z.array(contentData).nullish(),
  'matching-index': z.enum(['SAME_FINGERS', 'ALL_FINGERS', 'CROSSED_WINDOW_TWEEZERS']).nullish(),
  'force-face-search': z.boolean().nullish(),
});

/** As `sessionEnrollRequest`, of a client, by an operator. */
export const sessionEnrollClientRequest = sessionEnrollRequest.extend({ operator: z.string() });
