import type { Cpf } from '@atesto/shared/domain/cpf';
import type { CaptureRow } from '@atesto/shared/ledger/captures';
import type { Vault } from '@atesto/shared/vault/vault';
import { encodeBase64 } from './base64.ts';

/** Resolution of a picture that does not say one: what ICP-Brasil collects at. */
const DEFAULT_DPI = 500;

export interface SpidBody {
  biometrics: readonly { index: number; capture: CaptureRow & { wrappedKey: Buffer } }[];
  missingBiometrics: readonly { index: number; type: string; reason: string }[];
  userId: Cpf;
  operatorId: Cpf;
  /** Epoch milliseconds. */
  timestamp: number;
}

/**
 * The `UserTransactionRequest` that will be posted, as bytes: pictures are opened and turned into base64 while they pass, so that no picture is
 * held whole and the send path builds no JSON.
 */
export async function* spidBody(vault: Vault, body: SpidBody): AsyncGenerator<Buffer> {
  let separator = '{"data":{"biometrics":[';
  for (const { index, capture } of body.biometrics) {
    yield Buffer.from(`${separator}{"index":${index},"content":"`);
    yield* base64(vault.open(capture));
    yield Buffer.from(
      `","width":${capture.width},"height":${capture.height},"resolution":${capture.dpi ?? DEFAULT_DPI}}`,
    );
    separator = ',';
  }
  const rest = {
    missingBiometrics: body.missingBiometrics,
    userId: body.userId,
    operatorId: body.operatorId,
    timestamp: body.timestamp,
  };
  yield Buffer.from(`],${JSON.stringify(rest).slice(1)}}`);
}

/** Base64 of a stream: whole groups of three bytes are passed on, the rest waits for the next chunk. */
async function* base64(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes =
      rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const whole = bytes.length - (bytes.length % 3);
    yield encodeBase64(bytes.subarray(0, whole));
    // Copied: the source may reuse its buffer.
    rest = Buffer.from(bytes.subarray(whole));
  }
  if (rest.length > 0) yield encodeBase64(rest);
}
