import type { IdcloudErrorCode } from '@atesto/shared/contracts/idcloud-client';

/** A refusal with IDCloud's own code, before anything is spent. */
export class IdcloudRefusal extends Error {
  override readonly name = 'IdcloudRefusal';
  readonly code: IdcloudErrorCode;
  constructor(code: IdcloudErrorCode) {
    super(`refused with ${code}`);
    this.code = code;
  }
}

/** What IDCloud has no code for: the id stands for something that cannot be gone on with. The message is ours and names no value. */
export class IdcloudConflict extends Error {
  override readonly name = 'IdcloudConflict';
}

/** Nothing was asked of IDCloud, or it gave no answer that could be repeated. */
export class IdcloudAway extends Error {
  override readonly name = 'IdcloudAway';
  /** 429 where the account's budget is spent, else 503. */
  readonly status: 429 | 503;
  readonly retryAfterSeconds: number;
  constructor(status: 429 | 503, retryAfterSeconds = 1) {
    super(status === 429 ? 'the request budget is spent' : 'IDCloud does not answer');
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
