import { randomBytes } from 'node:crypto';
import { type IdcloudErrorCode, JWT_BEARER_GRANT } from '@atesto/shared/contracts/idcloud-client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SignJWT } from 'jose';
import { type Account, accountStates } from './accounts.ts';
import { type AssertionRules, type AssertionVerdict, createAssertionCheck } from './assertion.ts';
import { sendTokenError } from './errors.ts';

export interface IdentityOptions extends AssertionRules<Account> {
  /** Life of an access token. */
  tokenTtlSeconds: number;
  /** Invalid attempts in a row that lock the account, and for how long. */
  lockAfter: number;
  lockMs: number;
  /** HTTP status of a 1.x.y code, which is written nowhere; 400 where it has none here. */
  tokenStatuses: Readonly<Record<string, number>>;
}

/** What is wrong with a token, by by Client's code and by Unico's text. */
export interface TokenRefusal {
  code: IdcloudErrorCode;
  text: string;
}

const missing: TokenRefusal = { code: 20001, text: 'Jwt is missing' };
const malformed: TokenRefusal = { code: 30017, text: 'Jwt header is an invalid JSON' };
const unknown: TokenRefusal = { code: 10501, text: 'Jwt verification fails' };
const expired: TokenRefusal = { code: 10502, text: 'Jwt is expired' };

interface Attempts {
  wrong: number;
  /** Epoch milliseconds. */
  lockedUntil: number;
}

/** The identity host: gives access tokens for assertions and tells the API which ones are good. */
export class Identity {
  readonly #options: IdentityOptions;
  readonly #check: (assertion: string) => AssertionVerdict<Account>;
  readonly #secret = randomBytes(32);
  /** Token to whose it is and the end of its life, epoch milliseconds. */
  readonly #tokens = new Map<string, { account: Account; expires: number }>();
  readonly #attempts: ReadonlyMap<Account, Attempts>;
  /** Tokens given so far. */
  issued = 0;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#check = createAssertionCheck(options);
    this.#attempts = new Map(options.accounts.map((one) => [one, { wrong: 0, lockedUntil: 0 }]));
  }

  /** `POST /oauth2/token` */
  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const judged = this.#judge(form);
    if (typeof judged === 'string') return sendTokenError(reply, this.#options.tokenStatuses[judged] ?? 400, judged);
    const token = await this.issue(judged);
    const body = { access_token: token, token_type: 'Bearer', expires_in: this.#options.tokenTtlSeconds };
    return reply.code(200).type('application/json').send(JSON.stringify(body));
  }

  /** Whose token it is to be, or the code of the refusal. */
  #judge(form: URLSearchParams): Account | string {
    const now = this.#options.now();
    const assertion = form.get('assertion');
    if (form.get('grant_type') !== JWT_BEARER_GRANT || assertion === null) return '1.2.5';
    const { account, tenant, code } = this.#check(assertion);
    // An attempt in the name of nobody is counted against all of its tenant.
    const meant = account ? [account] : this.#options.accounts.filter((one) => one.tenantId === tenant);
    const attempts = meant.map((one) => this.#attempts.get(one)).filter((one) => one !== undefined);
    if (attempts.some(({ lockedUntil }) => now < lockedUntil)) return '1.2.18';
    const refusal = code ?? (account && accountStates[account.state]);
    for (const one of attempts) {
      one.wrong = refusal === undefined ? 0 : one.wrong + 1;
      if (one.wrong < this.#options.lockAfter) continue;
      one.wrong = 0;
      one.lockedUntil = now + this.#options.lockMs;
    }
    return refusal ?? account ?? '1.2.5';
  }

  /** A new access token; of the first account where none is named. */
  async issue(account = this.#options.accounts[0]): Promise<string> {
    if (!account) throw new RangeError('There is no account to issue a token for.');
    const expires = this.#options.now() + this.#options.tokenTtlSeconds * 1000;
    this.issued += 1;
    const token = await new SignJWT({ jti: String(this.issued), exp: Math.floor(expires / 1000) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(this.#secret);
    this.#tokens.set(token, { account, expires });
    return token;
  }

  /** Every token given so far becomes invalid (10501). */
  revokeAll(): void {
    this.#tokens.clear();
  }

  /** Whose token an Authorization header holds, expired or not. */
  accountOf(header: string | undefined): Account | undefined {
    return this.#tokens.get(tokenOf(header))?.account;
  }

  /** What is wrong with an Authorization header; undefined when it is good. `Bearer` may be missing (section 1.6). */
  refusal(header: string | undefined): TokenRefusal | undefined {
    if (!header) return missing;
    const token = tokenOf(header);
    if (token.split('.').length !== 3) return malformed;
    const held = this.#tokens.get(token);
    if (!held) return unknown;
    return held.expires <= this.#options.now() ? expired : undefined;
  }
}

function tokenOf(header = ''): string {
  return header.replace(/^Bearer\s+/i, '');
}
