/** What the first bytes of a picture say about it. */
export interface ImageHeader {
  format: 'png' | 'jpeg' | 'webp';
  width: number;
  height: number;
  /** From pHYs, where a PNG has one that speaks of metres. */
  dpi?: number;
}

/** Bytes that `readImageHeader` wants to see: enough for a PNG's pHYs and the frame header of any usual JPEG. */
export const IMAGE_HEADER_BYTES = 65_536;

/**
 * Recognises PNG, JPEG and WebP by their magic bytes and reads the size without decoding, so that a picture that claims
 * 60 000 × 60 000 pixels costs nothing. Undefined for anything else, and for a header that is cut off or absurd.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readPng(view) ?? readJpeg(view) ?? readWebp(view);
  return header && header.width > 0 && header.height > 0 ? header : undefined;
}

function readPng(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 33 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) return undefined;
  if (view.getUint32(8) !== 13 || view.getUint32(12) !== 0x49484452) return undefined;
  const header: ImageHeader = { format: 'png', width: view.getUint32(16), height: view.getUint32(20) };
  for (let at = 33; at + 21 <= view.byteLength; ) {
    const length = view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (type === 0x49444154) break; // IDAT: pHYs has to stand before it
    if (type === 0x70485973 && length === 9 && view.getUint8(at + 16) === 1) {
      header.dpi = Math.round(view.getUint32(at + 8) * 0.0254);
      break;
    }
    at += 12 + length;
  }
  return header;
}

function readJpeg(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { format: 'jpeg', height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    if (marker === 0xda || marker === 0xd9) return undefined;
    const length = view.getUint16(at + 2);
    if (length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}

function readWebp(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 30 || view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57454250) return undefined;
  const uint24 = (at: number) => view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
  switch (view.getUint32(12)) {
    case 0x56503858: // VP8X
      return { format: 'webp', width: uint24(24) + 1, height: uint24(27) + 1 };
    case 0x56503820: // VP8, lossy
      return { format: 'webp', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 0x5650384c: {
      // VP8L, lossless: 14 bits each after the signature byte
      const bits = view.getUint32(21, true);
      return { format: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return undefined;
  }
}
