const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Record ids become file names and authenticated data, so they are UUIDs in lower case and nothing else.
 * @throws TypeError: a caller's mistake, not a state of the vault
 */
export function assertRecordId(recordId: string): void {
  if (!UUID.test(recordId)) throw new TypeError('A record id is a UUID in lower case');
}

/** True for the names under which records are stored. */
export function isRecordId(name: string): boolean {
  return UUID.test(name);
}
