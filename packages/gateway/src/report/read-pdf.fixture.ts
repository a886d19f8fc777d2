import { inflateSync } from 'node:zlib';

/** A file's streams, inflated. Enough of a reader for the files that we write, where every stream is deflated or plain. */
function streamsOf(pdf: Buffer): { header: string; content: Buffer }[] {
  const text = pdf.toString('latin1');
  return [...text.matchAll(/<<((?:(?!endobj)[\s\S])*?)>>\nstream\n/g)].map((match) => {
    const header = match[1] as string;
    const start = match.index + match[0].length;
    const raw = pdf.subarray(start, start + Number(/\/Length (\d+)/.exec(header)?.[1]));
    return { header, content: header.includes('/FlateDecode') ? inflateSync(raw) : raw };
  });
}

/** The text of each page as it is drawn, a line for each piece. */
export function pdfPages(pdf: Buffer): string[] {
  return streamsOf(pdf)
    .filter(({ content }) => content.includes(' Tf\n'))
    .map(({ content }) =>
      [...content.toString('latin1').matchAll(/\[(.*?)\] TJ/g)]
        .map(([, pieces = '']) =>
          [...pieces.matchAll(/<([0-9a-f]*)>/g)]
            // Bytes of WinAnsi, which is Latin-1 but for a few signs.
            .map(([, hex = '']) => Buffer.from(hex, 'hex').toString('latin1'))
            .join(''),
        )
        .join('\n'),
    );
}

/** The one attached file. */
export function pdfAttachment(pdf: Buffer): Buffer {
  const found = streamsOf(pdf).find(({ header }) => header.includes('/EmbeddedFile'));
  if (!found) throw new Error('nothing is attached');
  return found.content;
}

/** Everything that can be read in the file, streams inflated. */
export function pdfBytes(pdf: Buffer): string {
  return [pdf, ...streamsOf(pdf).map(({ content }) => content)].map((bytes) => bytes.toString('latin1')).join('\n');
}
