/** Classes of SQLSTATE that say "not now": connection, resources, locks, an administrator's stop, the system itself. */
const passing = new Set(['08', '40', '53', '55', '57', '58']);

/** True for a failure that the same statement may not meet again: the server is away, restarting or overloaded. False where the statement is wrong. */
export function isPassingFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Only what the server itself said has a severity; everything else happened to the connection.
  if (!('severity' in error)) return !(error instanceof TypeError || error instanceof RangeError);
  return 'code' in error && typeof error.code === 'string' && passing.has(error.code.slice(0, 2));
}

const lostConnection = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND']);

/** True for what a caller sees when the ledger is away: for an answer that says "later" instead of "our mistake". */
export function isLedgerAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('severity' in error) return isPassingFailure(error);
  // pg's own errors for a connection that ends, is silent or cannot be had carry no code.
  if (/^(Connection terminated|Query read timeout|timeout exceeded when trying to connect)/.test(error.message))
    return true;
  return 'code' in error && typeof error.code === 'string' && lostConnection.has(error.code);
}

/** Why a service could not start, for whoever starts it: a passing failure of the ledger that a setting causes, or the code of what it was. */
export function whyNoStart(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code !== '53300') return code ?? 'see the log';
  return 'PostgreSQL has no connection left (too-many-connections): docs/scaling.md has how many each service takes';
}
