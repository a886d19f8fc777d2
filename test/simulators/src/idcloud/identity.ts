import { randomBytes } from 'node:crypto';
import { JWT_BEARER_GRANT } from '@atesto/shared/contracts/idcloud-client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SignJWT } from 'jose';
import { type AssertionRules, createAssertionCheck } from './assertion.ts';
import { type ErrorCode, sendTokenError } from './errors.ts';

export interface IdentityOptions extends AssertionRules {
  /** Life of an access token. */
  tokenTtlSeconds: number;
  /** Invalid attempts in a row that lock the account, and for how long. */
  lockAfter: number;
  lockMs: number;
}

/** The identity host: gives access tokens for assertions and tells the API which ones are good. */
export class Identity {
  readonly #options: IdentityOptions;
  readonly #check: (assertion: string) => string | undefined;
  readonly #secret = randomBytes(32);
  /** Token to the end of its life, epoch milliseconds. */
  readonly #tokens = new Map<string, number>();
  #invalidAttempts = 0;
  #lockedUntil = 0;
  /** Tokens given so far. */
  issued = 0;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#check = createAssertionCheck(options);
  }

  /** `POST /oauth2/token` */
  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const code = this.#judge(form);
    if (code !== undefined) return sendTokenError(reply, 400, code);
    const token = await this.issue();
    const body = { access_token: token, token_type: 'Bearer', expires_in: this.#options.tokenTtlSeconds };
    return reply.code(200).type('application/json').send(JSON.stringify(body));
  }

  #judge(form: URLSearchParams): string | undefined {
    const now = this.#options.now();
    if (now < this.#lockedUntil) return '1.2.18';
    const assertion = form.get('assertion');
    const code = form.get('grant_type') === JWT_BEARER_GRANT && assertion !== null ? this.#check(assertion) : '1.2.5';
    this.#invalidAttempts = code === undefined ? 0 : this.#invalidAttempts + 1;
    if (this.#invalidAttempts >= this.#options.lockAfter) {
      this.#invalidAttempts = 0;
      this.#lockedUntil = now + this.#options.lockMs;
    }
    return code;
  }

  /** A new access token. */
  async issue(): Promise<string> {
    const expires = this.#options.now() + this.#options.tokenTtlSeconds * 1000;
    this.issued += 1;
    const token = await new SignJWT({ jti: String(this.issued), exp: Math.floor(expires / 1000) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(this.#secret);
    this.#tokens.set(token, expires);
    return token;
  }

  /** Every token given so far becomes invalid (10501). */
  revokeAll(): void {
    this.#tokens.clear();
  }

  /** What is wrong with an Authorization header; undefined when it is good. `Bearer` may be missing (section 1.6). */
  refusal(header: string | undefined): ErrorCode | undefined {
    if (!header) return 20001;
    const token = header.replace(/^Bearer\s+/i, '');
    if (token.split('.').length !== 3) return 30017;
    const expires = this.#tokens.get(token);
    if (expires === undefined) return 10501;
    return expires <= this.#options.now() ? 10502 : undefined;
  }
}
