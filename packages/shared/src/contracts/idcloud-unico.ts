import * as z from 'zod';

/** IDCloud by Unico (edition D): Unico hosts the journey, the person opens a link. Two hosts: the API and the signature service. */

export const unicoOperations = {
  createUnicoProcess: { method: 'POST', path: '/client/v1/process', host: 'unico' },
  getUnicoProcess: { method: 'GET', path: '/client/v1/process/{processId}', host: 'unico' },
  getSelfie: { method: 'GET', path: '/client/v1/process/{processId}/selfie', host: 'unico' },
  getEvidenceSet: { method: 'GET', path: '/client/v1/process/{processId}/evidenceset', host: 'unico' },
  getSignedDocument: { method: 'GET', path: '/api/v1/service/file/{documentId}', host: 'sign' },
  getSignedDocumentEvidence: { method: 'GET', path: '/api/v1/service/evidence/{documentId}', host: 'sign' },
} as const;
export type UnicoOperation = keyof typeof unicoOperations;

export const unicoPurposes = ['creditprocess', 'biometryonboarding', 'carpurchase', 'ageverification'] as const;

/** An open list: flows come and go with the product. */
export const unicoFlows = [
  ...['idlive', 'id', 'idlivetrust', 'idtrust', 'idcheck', 'idchecktrust', 'idcheckserpro'],
  ...['iddocs', 'idchecktrustdocs', 'idcheckserprodocs', 'idunicodocs', 'idtrustdocs'],
  ...['idsign', 'idchecktrustsign', 'idunicosign', 'idtrustsign'],
  ...['iddocssign', 'idchecktrustdocssign', 'idcheckserprodocssign', 'idunicodocssign', 'idunicoserprodocssign'],
  ...['idtrustdocssign', 'creditoconsignado', 'idtoken', 'idtokentrust', 'idtokensign', 'idsmart'],
  ...['idage', 'idagedocumentless'],
] as const;

export const notificationChannels = [
  'NOTIFICATION_CHANNEL_WHATSAPP',
  'NOTIFICATION_CHANNEL_SMS',
  'NOTIFICATION_CHANNEL_EMAIL',
] as const;

export const createUnicoProcessRequest = z.object({
  callbackUri: z.string(),
  flow: z.string(),
  purpose: z.string(),
  clientReference: z.string().optional(),
  companyBranchId: z.string().optional(),
  bioTokenId: z.string().optional(),
  useCase: z.string().optional(),
  person: z
    .object({
      duiType: z.string().optional(),
      duiValue: z.string().optional(),
      friendlyName: z.string().optional(),
      phone: z.string().optional(),
      email: z.string().optional(),
      notifications: z.array(z.object({ notificationChannel: z.string() })).optional(),
    })
    .optional(),
  /** Seconds with their suffix: `3600s`. Seven days where it is absent. */
  expiresIn: z.string().optional(),
  payload: z
    .array(
      z.object({
        envelopePayload: z.object({
          documents: z.array(z.object({ documentName: z.string(), fileContents: z.string() })),
        }),
      }),
    )
    .optional(),
});

export const unicoStates = ['PROCESS_STATE_CREATED', 'PROCESS_STATE_FINISHED', 'PROCESS_STATE_FAILED'] as const;
export const unicoResults = [
  'PROCESS_RESULT_UNSPECIFIED',
  'PROCESS_RESULT_OK',
  'PROCESS_RESULT_ERROR',
  'PROCESS_RESULT_EXPIRED',
  'PROCESS_RESULT_INVALID_IDENTITY',
] as const;

/** What is known of the person's identity at the end. Enumerations are open; fields that are cut here name nobody and decide nothing. */
export const authenticationInfo = z.object({
  authenticationResult: z.string().optional().catch(undefined),
  livenessResult: z.string().optional().catch(undefined),
  bioTokenEngineResult: z.string().optional().catch(undefined),
  identityFraudstersResult: z.string().optional().catch(undefined),
  smartRevalidationResult: z.string().optional().catch(undefined),
  idAgeResult: z.string().optional().catch(undefined),
  scoreEngineResult: z
    .object({ scoreEnabled: z.string().optional(), score: z.number().optional() })
    .optional()
    .catch(undefined),
  serproResult: z.object({ score: z.number().optional() }).optional().catch(undefined),
  /** Reference for a later 1:1; empty until it is finished. */
  authenticationId: z.string().optional().catch(undefined),
});

/** An allow-list of the process: what decides, and nothing of the person. The whole answer is kept sealed. */
export const unicoProcess = z.object({
  id: z.string().min(1),
  flow: z.string().optional(),
  state: z.string(),
  result: z.string().optional(),
  createdAt: z.string().optional(),
  finishedAt: z.string().nullish(),
  expiresAt: z.string().nullish(),
  authenticationInfo: authenticationInfo.optional().catch(undefined),
});
export type UnicoProcess = z.infer<typeof unicoProcess>;
export const unicoProcessAnswer = z.object({ process: unicoProcess });

/** Selfie and evidence set. */
export const unicoFile = z.object({ fileContents: z.string(), contentType: z.string() });

/** The gRPC gateway's errors: 3 invalid argument, 5 not found, 7 no permission, 9 not configured. 401 is plain text. */
export const unicoErrorBody = z.object({ code: z.int(), message: z.string().optional() });

/** A notice: something happened to a process. It has no result, and is never trusted for one. Whatever stands beside the id, it is let through. */
export const idcloudNotice = z.object({
  processId: z.string().min(1).max(128),
  state: z.string().optional().catch(undefined),
  flow: z.string().optional().catch(undefined),
  lastEvent: z.string().optional().catch(undefined),
  lastEventDescription: z.string().optional().catch(undefined),
});
