import * as z from 'zod';

/** IDCloud by Client, edition D of Unico's documentation: the create call with liveness and identity verification, and the token. */

export const idcloudOperations = {
  createProcess: { method: 'POST', path: '/processes/v1' },
  getProcess: { method: 'GET', path: '/processes/v1/{id}' },
} as const;

/** Body of create. `imageBase64` is checked on the raw text, not here: a regular expression over 800 KB costs more than all the rest. */
export const createProcessRequest = z.object({
  subject: z.object({
    code: z.string(),
    name: z.string(),
    email: z.string().optional(),
    phone: z.string().optional(),
    gender: z.string().optional(),
    birthDate: z.string().optional(),
  }),
  useCase: z.string().optional(),
  subsidiaryId: z.string().optional(),
  imageBase64: z.string(),
});

const verdictOf = z.object({ result: z.string() });

/**
 * 1 processing, 2 divergence, 3 completed (the only one to decide on), 4 cancelled, 5 error. Other numbers are kept and treated as 1. An allow-list: it is kept in
 * the ledger and repeated by the face, so what else an answer may hold (a document's content names a person) is left out.
 */
export const processResult = z.object({
  id: z.string(),
  status: z.int(),
  unicoId: verdictOf.optional(),
  liveness: z.int().optional(),
  // Of other capabilities: one that has another form than ours is left out, and spoils nothing.
  identityFraudsters: verdictOf.optional().catch(undefined),
  biometryToken: verdictOf.optional().catch(undefined),
  authenticated: z.boolean().optional().catch(undefined),
  score: z.int().optional().catch(undefined),
});
export type ProcessResult = z.infer<typeof processResult>;

/** Largest picture that IDCloud takes, in bytes of the decoded picture. */
export const IDCLOUD_MAX_IMAGE_BYTES = 800 * 1024;
/** Smallest picture that IDCloud takes, whichever side is the longer. */
export const IDCLOUD_MIN_IMAGE_SIDES = { long: 640, short: 480 } as const;

/** Rows of the create call's error tables that Atesto can answer at the door. Messages are the vendor's, verbatim. */
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
