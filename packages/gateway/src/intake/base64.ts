/** Whole groups of three bytes, and a text that the collector clears away while it is young. */
const PIECE_BYTES = 49_152;

/** The bytes as base64, as bytes: in pieces, since a text of hundreds of kilobytes is a collection of its own. */
export function encodeBase64(bytes: Buffer): Buffer {
  const encoded = Buffer.allocUnsafeSlow(Math.ceil(bytes.length / 3) * 4);
  for (let from = 0, at = 0; from < bytes.length; from += PIECE_BYTES) {
    at += encoded.write(bytes.toString('base64', from, from + PIECE_BYTES), at, 'latin1');
  }
  return encoded;
}

/**
 * The bytes that a text in base64 stands for; undefined where it is not the one text that stands for them. Node's decoder forgives what others do not: it
 * skips what it does not know, takes the alphabet of URLs, does without padding, and reads the low byte of a character. So the text has to come out the same.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  let at = 0;
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const piece = bytes.toString('base64', from, from + PIECE_BYTES);
    // A slice is compared at once where `startsWith` goes by the character.
    if (text.slice(at, at + piece.length) !== piece) return undefined;
    at += piece.length;
  }
  return at === text.length ? bytes : undefined;
}
