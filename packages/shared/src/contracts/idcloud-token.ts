/** What to do after a code of the token endpoint. */
export type TokenRemedy =
  /** Another assertion may do, at once and once. */
  | 'new-assertion'
  /** More attempts make it worse: nobody tries for a long time. */
  | 'wait'
  /** Only a person can change it: settings, or a call to Unico. */
  | 'mend';

/** The codes that stand inside the token endpoint's `error_description`: "Falha na autenticação 1.2.5". */
export const tokenErrors = {
  '1.0.1': { cause: 'the tenant in `iss` is wrong', remedy: 'mend' },
  '1.0.14': { cause: 'the application is not active; speak to Unico', remedy: 'mend' },
  '1.1.1': { cause: '`scope` is missing', remedy: 'mend' },
  '1.2.4': { cause: 'the assertion is expired; look at the clock if it stays', remedy: 'new-assertion' },
  '1.2.5': { cause: 'the assertion cannot be validated: its parameters or its signature', remedy: 'mend' },
  '1.2.6': { cause: 'the signing key is no longer accepted; new credentials are needed', remedy: 'mend' },
  '1.2.7': { cause: 'the assertion was used before', remedy: 'new-assertion' },
  '1.2.11': { cause: 'the account is not active', remedy: 'mend' },
  '1.2.14': { cause: 'the account lacks the permission', remedy: 'mend' },
  '1.2.18': { cause: 'the account is locked for a time after too many bad attempts', remedy: 'wait' },
  '1.2.19': { cause: 'the account may not act for another (`sub`)', remedy: 'mend' },
  '1.2.20': { cause: 'the assertion cannot be decoded', remedy: 'mend' },
  '1.2.21': { cause: 'the assertion cannot be decoded; mostly it was signed with another private key', remedy: 'mend' },
  '1.2.22': { cause: 'the assertion has a claim that is not admitted', remedy: 'mend' },
} as const satisfies Record<string, { cause: string; remedy: TokenRemedy }>;
export type TokenErrorCode = keyof typeof tokenErrors;

/** What to do after `code`; one that nobody knows is a person's to mend. */
export function tokenRemedy(code: string): TokenRemedy {
  return Object.hasOwn(tokenErrors, code) ? tokenErrors[code as TokenErrorCode].remedy : 'mend';
}
