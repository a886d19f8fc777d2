import { createHash, randomUUID } from 'node:crypto';
import type { ImageHeader } from '@atesto/shared/domain/image-header';
import { IMAGE_HEADER_BYTES, readImageHeader } from '@atesto/shared/domain/image-header';
import type { CaptureRow } from '@atesto/shared/ledger/captures';
import { letGo } from '@atesto/shared/vault/let-go';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';

export interface UploadedCapture {
  id: string;
  owner: string;
  sha256: Buffer;
  body: AsyncIterable<Buffer>;
}

type StoredCapture = Omit<CaptureRow, 'wrappedKey' | 'transactionId'>;

/**
 * Streams a picture into the vault and records it. Nothing is recorded before every byte is on disk and has the promised hash, so what fails
 * half-way leaves nothing behind. The same id with the same bytes is the same capture, however often it is sent.
 * @throws ProblemError
 */
export async function storeCapture(
  context: Pick<GatewayContext, 'insertCapture' | 'getCaptures' | 'vault' | 'limits'>,
  upload: UploadedCapture,
): Promise<{ capture: StoredCapture; isNew: boolean }> {
  const { vault } = context;
  const record = randomUUID();
  const inspection = new ImageInspection(context.limits);
  const stored = await vault.put(record, inspection.watch(upload.body));
  try {
    const sha256 = inspection.digest();
    if (!sha256.equals(upload.sha256)) throw new ProblemError('digest-mismatch');
    const { format, width, height, dpi } = inspection.header();
    const { bytes, wrappedKey } = stored;
    const capture = { id: upload.id, owner: upload.owner, format, width, height, dpi, bytes, sha256, record };
    if (await context.insertCapture({ ...capture, wrappedKey })) return { capture, isNew: true };
    // Sent before, or at the same time. That is seldom, so nobody looks beforehand.
    const winner = await findEqual(context, upload);
    if (!winner) throw new ProblemError('id-conflict');
    await vault.destroy(record);
    return { capture: winner, isNew: false };
  } catch (error) {
    // A refusal is certain. A ledger that failed may have committed and lost its answer: then the row names this record, and it has to stay. If
    // not, nobody names it, and the clearing takes it.
    if (error instanceof ProblemError) await vault.destroy(record);
    throw error;
  }
}

async function findEqual(
  { getCaptures }: Pick<GatewayContext, 'getCaptures'>,
  { id, owner, sha256 }: UploadedCapture,
): Promise<CaptureRow | undefined> {
  const [capture] = await getCaptures([id]);
  if (capture && (capture.owner !== owner || !capture.sha256.equals(sha256))) throw new ProblemError('id-conflict');
  return capture;
}

/** Looks at a picture's head while its bytes pass by, and stops what is no picture or too large before it is stored. */
class ImageInspection {
  #head: Buffer[] = [];
  #headBytes = 0;
  #total = 0;
  #header: ImageHeader | undefined;
  readonly #hash = createHash('sha256');
  readonly #limits: GatewayContext['limits'];

  constructor(limits: GatewayContext['limits']) {
    this.#limits = limits;
  }

  async *watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.#total += chunk.length;
      if (this.#total > this.#limits.captureBytesMax) throw new ProblemError('body-too-large');
      this.#hash.update(chunk);
      if (!this.#header) this.#collect(chunk);
      yield chunk;
    }
    if (!this.#header) this.#decide();
  }

  /** SHA-256, once the source has ended. */
  digest(): Buffer {
    return this.#hash.digest();
  }

  /** Valid once the source has ended. */
  header(): ImageHeader {
    if (!this.#header) throw new ProblemError('invalid-image');
    return this.#header;
  }

  #collect(chunk: Buffer): void {
    this.#head.push(chunk);
    this.#headBytes += chunk.length;
    if (this.#headBytes >= IMAGE_HEADER_BYTES) this.#decide();
  }

  #decide(): void {
    const head = Buffer.concat(this.#head, Math.min(this.#headBytes, IMAGE_HEADER_BYTES));
    const header = readImageHeader(head);
    letGo(head);
    this.#head = [];
    if (!header) throw new ProblemError('invalid-image');
    if (Math.max(header.width, header.height) > this.#limits.imageSideMax) throw new ProblemError('image-too-large');
    this.#header = header;
  }
}
