/** A refusal in the form of by Unico's gRPC gateway. The message is the vendor's or ours, and names no value. */
export class UnicoRefusal extends Error {
  override readonly name = 'UnicoRefusal';
  /** HTTP. */
  readonly status: number;
  /** gRPC: 3 invalid argument, 5 not found, 7 no permission, 9 not configured, 14 unavailable. */
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const invalidArgument = (message: string) => new UnicoRefusal(400, 3, message);
export const noSuchProcess = () =>
  new UnicoRefusal(404, 5, 'error getting process: rpc error: code = NotFound desc = process not found');
