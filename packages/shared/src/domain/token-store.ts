/** An account's access token, and how long from now it serves, in milliseconds: the clocks of processes differ. */
export interface SharedToken {
  token: string;
  /** Tokens of the account so far, this one included: tells it from the one before. */
  version: number;
  /** When it is time for the next one; 0 or less where it is. */
  renewInMs: number;
  expiresInMs: number;
}

/** How it stands with an account's token. */
export interface TokenStanding<Failure> {
  /** The store's clock, epoch milliseconds: what all processes go by where the upstream is told a time. */
  nowMs: number;
  /** While it serves. */
  token?: SharedToken;
  /** The last attempt failed: nobody tries for `pauseMs`. */
  failure?: { why: Failure; pauseMs: number };
  /** The right to fetch the next one, that one process has at a time. Absent while nobody has to, or another process does. */
  lease?: string;
}

/**
 * Where the processes of an installation share the tokens of their accounts. `Failure` is the reader's own; it holds no secret.
 */
export interface TokenStore<Failure> {
  /**
   * @param wish.leaseMs how long the right to fetch holds, where it is given
   * @param wish.refused version of a token that the upstream would not have: it does not serve any more
   */
  look(account: string, wish: { leaseMs: number; refused: number | undefined }): Promise<TokenStanding<Failure>>;
  /** Ends the lease with a token. @returns its version; undefined where the lease was over */
  keep(account: string, lease: string, token: Omit<SharedToken, 'version'>): Promise<number | undefined>;
  /** Ends the lease without one. */
  fail(account: string, lease: string, failure: { why: Failure; pauseMs: number }): Promise<void>;
}
