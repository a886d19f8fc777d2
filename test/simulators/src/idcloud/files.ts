import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { encode } from 'fast-png';
import type { FastifyInstance } from 'fastify';
import PDFDocument from 'pdfkit';
import { drawFace } from '../people/face.ts';

/** What a file shows: a drawn portrait of a virtual person, or a page of facts. */
export type FileContent = { face: string } | { title: string; facts: Readonly<Record<string, string>> };

export interface FilesOptions {
  url: () => string;
  now: () => number;
}

/** Files behind signed addresses that are void after a while. Nothing is kept but what they show. */
export class SignedFiles {
  readonly #options: FilesOptions;
  readonly #secret = randomBytes(32);
  readonly #contents = new Map<string, FileContent>();

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  /** An address of the file that is good for so long. `name` holds nothing of a person: it stands in the address. */
  sign(name: string, content: FileContent, validMs: number): string {
    this.#contents.set(name, content);
    const expires = this.#options.now() + validMs;
    return `${this.#options.url()}/files/${name}?expires=${expires}&signature=${this.#signature(name, expires)}`;
  }

  /** `GET /files/{name}`: 403 for an address that is void or made up. */
  serve(app: FastifyInstance): void {
    app.get<{ Params: { name: string }; Querystring: { expires?: string; signature?: string } }>(
      '/files/:name',
      async (request, reply) => {
        const { name } = request.params;
        const expires = Number(request.query.expires);
        const signature = Buffer.from(String(request.query.signature));
        const expected = Buffer.from(this.#signature(name, expires));
        const content = this.#contents.get(name);
        const good = signature.length === expected.length && timingSafeEqual(signature, expected);
        if (!content || !good || expires <= this.#options.now()) return reply.code(403).send();
        const { bytes, type } = await drawFile(content);
        return reply.type(type).send(bytes);
      },
    );
  }

  #signature(name: string, expires: number): string {
    return createHmac('sha256', this.#secret).update(`${name} ${expires}`).digest('hex');
  }
}

/** The bytes of a file, PNG or PDF. */
export async function drawFile(content: FileContent): Promise<{ bytes: Buffer; type: string }> {
  if ('face' in content) {
    const { width, height, pixels } = drawFace(content.face);
    return { bytes: Buffer.from(encode({ width, height, data: pixels, channels: 3 })), type: 'image/png' };
  }
  const document = new PDFDocument({ size: 'A4', margin: 56, info: { Title: content.title } });
  const chunks: Buffer[] = [];
  document.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve) => document.on('end', () => resolve()));
  document.fontSize(18).text(content.title).moveDown().fontSize(11);
  for (const [name, value] of Object.entries(content.facts)) document.text(`${name}: ${value}`);
  document.end();
  await ended;
  return { bytes: Buffer.concat(chunks), type: 'application/pdf' };
}
