/**
 * What can go wrong while the ground under the demo, the tests and `npm start` is laid.
 * - `missing`: something has to be installed; the message says what and how
 * - `in-use`: a live process holds the state folder or the port
 * - `failed`: a server or a service ended or did not become ready; the message ends with the tail of its output
 */
export type StackFailure = 'missing' | 'in-use' | 'failed';

export class StackError extends Error {
  override readonly name = 'StackError';
  readonly kind: StackFailure;

  constructor(kind: StackFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
