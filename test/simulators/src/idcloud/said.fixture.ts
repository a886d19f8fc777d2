/** Fields of all answers, of which tests read one or another: what is not there fails them. */
export interface Said {
  id: string;
  status: number;
  biometryToken: object;
  document: { id: string; content: { cpfNumero: string }; fileUrls: readonly [string] };
  processAdditionalInfo: { transactionId: string; personImage: string; finishedAt: string };
  items: readonly [{ documentId: string }];
  error: { code: number };
  process: SaidProcess;
  fileContents: string;
  contentType: string;
  /** Of by Unico's errors. */
  code: number;
}

export interface SaidProcess {
  id: string;
  result: string;
  userRedirectUrl: string;
  finishedAt: string;
  expiresAt: string;
  authenticationInfo: {
    authenticationId: string;
    authenticationResult: string;
    livenessResult: string;
    scoreEngineResult: { scoreEnabled: string; score: number };
  };
  services: readonly [
    { documents: readonly [{ signed_url: string }]; documentIds: readonly [string]; envelopeId: string },
  ];
}

/** What an answer says; nothing where it is no JSON: a file, or the plain text of a proxy. */
export function saidIn(text: string): Said {
  try {
    return JSON.parse(text);
  } catch {
    return {} as Said;
  }
}
