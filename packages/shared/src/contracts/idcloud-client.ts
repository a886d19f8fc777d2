import * as z from 'zod';

/**
 * IDCloud by Client: bodies of editions B and D of Unico's documentation. What is sent is in camel case, as D writes it; what comes in from callers is
 * read in any case, as IDCloud reads it.
 */

export const idcloudOperations = {
  createProcess: { method: 'POST', path: '/processes/v1' },
  getProcess: { method: 'GET', path: '/processes/v1/{id}' },
  /** Edition B and C only: with the person's data. */
  getProcessV2: { method: 'GET', path: '/processes/v2/{id}' },
  /** Reusable documents of a person. */
  listDocuments: { method: 'GET', path: '/documents/v1' },
} as const;
export type IdcloudOperation = keyof typeof idcloudOperations;

/** What the operator of a document process wants it for. */
export const documentPurposes = ['creditprocess', 'carpurchase', 'paybypaycheck', 'onboarding', 'fgts'] as const;
/** How a 1:1 reference of edition E is given. */
export const referenceTypes = ['REFERENCE_TYPE_IMAGE_BASE64', 'REFERENCE_TYPE_PROCESS_ID'] as const;

const subject = z.object({
  code: z.string(),
  name: z.string().optional(),
  email: z.string().optional(),
  phone: z.string().optional(),
  gender: z.string().optional(),
  birthDate: z.string().optional(),
});

/** Body of create with a face. `imageBase64` is checked on the raw text, not here: a regular expression over 800 KB costs more than all the rest. */
export const createProcessRequest = z.object({
  // 1:1 of edition D does without.
  subject: subject.optional(),
  useCase: z.string().optional(),
  subsidiaryId: z.string().optional(),
  imageBase64: z.string(),
  /** 1:1: the process whose face this one is compared with. */
  referenceProcessId: z.string().optional(),
  references: z.array(z.object({ referenceType: z.enum(referenceTypes), referenceContent: z.string() })).optional(),
});

/** Body of create with a document: one to reuse, or one or two pictures of it. */
export const createDocumentRequest = z.object({
  subject,
  useCase: z.string().optional(),
  subsidiaryId: z.string().optional(),
  document: z.object({
    purpose: z.enum(documentPurposes),
    authProcessId: z.string(),
    documentId: z.string().optional(),
    files: z
      .array(z.object({ data: z.string() }))
      .min(1)
      .max(2)
      .optional(),
  }),
});

const verdictOf = z.object({ result: z.string() });

/** The kinds of documents; any other, and none, is unknown and has an empty content. */
export const documentTypes = [
  'unico.moja.dictionary.br.rg.v2.Rg',
  'unico.moja.dictionary.br.cnh.v2.Cnh',
  'unico.moja.dictionary.br.cin.v1.Cin',
  'unico.moja.dictionary.br.passaporte.v1.Passaporte',
] as const;

/** What a document process says that names nobody. Content and links are read from the whole answer, which is kept sealed. */
const documentFacts = z.object({
  id: z.string().optional(),
  type: z.string().optional(),
  cpfMatch: z.boolean().optional().catch(undefined),
  faceMatch: z.boolean().optional().catch(undefined),
});

/**
 * 1 processing, 2 divergence, 3 completed (the only one to decide on), 4 cancelled, 5 error. Other numbers are kept and treated as 1; none beside a
 * 1:1 result (edition B) is 3. An allow-list: it is kept in the ledger, so what else an answer may hold (a document's content names a person) is
 * left out.
 */
const processFields = z.object({
  id: z.string(),
  status: z.int().optional(),
  unicoId: verdictOf.optional(),
  liveness: z.int().optional(),
  // Of other capabilities: one that has another form than ours is left out, and spoils nothing.
  identityFraudsters: verdictOf.optional().catch(undefined),
  biometryToken: verdictOf.optional().catch(undefined),
  authenticated: z.boolean().optional().catch(undefined),
  score: z.int().optional().catch(undefined),
  government: z.object({ serpro: z.int() }).optional().catch(undefined),
  document: documentFacts.optional().catch(undefined),
});
export const processResult = processFields.refine(
  ({ status, authenticated }) => status !== undefined || authenticated !== undefined,
);
export type ProcessResult = z.infer<typeof processResult>;

/** Answer of `getProcessV2` (editions B and C). It names a person: it is passed on, and kept nowhere. */
export const processResultV2 = processFields.extend({
  processAdditionalInfo: z
    .object({
      /** Of the selfie; not the process's id. */
      transactionId: z.string().optional(),
      personName: z.string().optional(),
      personDocument: z.string().optional(),
      /** A signed link. */
      personImage: z.string().optional(),
      /** Microseconds, and no zone: taken for UTC. */
      finishedAt: z.string().optional(),
    })
    .optional(),
});

/** Answer of `listDocuments`. Empty, `[{}]` and an item without an id all mean that there is nothing to reuse. */
export const reusableDocuments = z.object({
  items: z.array(z.object({ documentType: z.string().optional(), documentId: z.string().optional() })).nullish(),
});

/** Largest picture that IDCloud takes, in bytes of the decoded picture. */
export const IDCLOUD_MAX_IMAGE_BYTES = 800 * 1024;
/** Smallest picture that IDCloud takes, whichever side is the longer. */
export const IDCLOUD_MIN_IMAGE_SIDES = { long: 640, short: 480 } as const;

/** The error tables of by Client, editions B and D. Messages are the vendor's, verbatim. */
export const idcloudErrors = {
  20001: { status: 400, description: 'O parâmetro authtoken não foi informado' },
  20002: { status: 400, description: 'O parâmetro APIKey não foi informado.' },
  20003: { status: 400, description: 'The request body is missing or invalid.' },
  20004: { status: 400, description: 'O parâmetro subject não foi informado.' },
  20005: { status: 400, description: 'O parâmetro subject.code não foi informado.' },
  20006: { status: 400, description: 'O parâmetro subject.name não foi informado.' },
  20009: { status: 400, description: 'O parâmetro imagebase64 não foi informado.' },
  20505: { status: 400, description: 'O base64 informado não é suportado. Os formatos aceitos são png, jpeg e webp.' },
  20506: { status: 400, description: 'O base64 informado é muito grande. O tamanho máximo suportado é até 800kb.' },
  20507: { status: 400, description: 'O parâmetro subject.code é inválido.' },
  20807: {
    status: 400,
    description: 'A imagem precisa estar no padrão HD ou possuir uma resolução superior a 640 x 480.',
  },
  20900: { status: 400, description: 'O base64 informado não é válido.' },
  10201: { status: 403, description: 'O AppKey informado é inválido.' },
  10501: { status: 403, description: 'O token informado é inválido.' },
  10502: { status: 403, description: 'O token informado está expirado.' },
  10506: { status: 400, description: 'The bundle is invalid.' },
  10507: { status: 400, description: 'The JWT with the captured face is expired.' },
  10508: { status: 400, description: 'The JWT with the captured face has already been used.' },
  20023: { status: 400, description: 'O parâmetro processId não foi informado.' },
  30017: { status: 403, description: 'Jwt header is an invalid JSON.' },
  50001: { status: 404, description: 'O processo informado não foi encontrado.' },
  99999: { status: 500, description: 'Internal failure! Try again later' },
} as const;
export type IdcloudErrorCode = keyof typeof idcloudErrors;

/** Envelope of edition D; other editions send `message` for `description` and the code as a string. */
export const idcloudErrorBody = z.object({
  error: z.object({
    code: z.union([z.int(), z.string()]),
    description: z.string().optional(),
    message: z.string().optional(),
  }),
});

/** OAuth 2.0 JWT bearer grant (RFC 7523). */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const tokenResponse = z.object({
  access_token: z.string(),
  token_type: z.string().optional(),
  /** Seconds. */
  expires_in: z.number(),
});
/** The code stands inside the description: "Falha na autenticação 1.2.5". */
export const tokenErrorBody = z.object({ error: z.string(), error_description: z.string().optional() });
