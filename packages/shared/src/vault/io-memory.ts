/** What a disk may ask of an offset, a length and an address that it is to reach directly. */
const BLOCK_BYTES = 4_096;
/** Header and one sealed segment, in whole blocks: a capture is one system call. */
const PIECE_BYTES = 129 * BLOCK_BYTES;
/** More than the disk is asked for at once. All of them count as memory outside V8's heap, of which it bears some 64 MB without a full collection. */
export const PIECES = 16;
const WASM_PAGE_BYTES = 65_536;

/** As much of it as is needed: its types are the browser's. */
declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer } };

/** Memory for one call to the disk. */
export interface Piece {
  buffer: Buffer;
  /** It begins where a page does. */
  aligned: boolean;
}

export interface IoMemory {
  /** An aligned piece, or while all are in use one of the heap's kind. */
  take(): Piece;
  give(piece: Piece): void;
}

/**
 * Memory that is used again and again, and that the operating system lets the disk reach without a copy of its own (`O_DIRECT`). An `ArrayBuffer` lies
 * somewhere; WebAssembly's memory begins at a page, and nothing else in Node does. A page takes room when it is first used.
 */
export function createIoMemory(): IoMemory {
  const pages = Math.ceil((PIECES * PIECE_BYTES) / WASM_PAGE_BYTES);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const idle = Array.from({ length: PIECES }, (_, at): Piece => {
    return { buffer: Buffer.from(buffer, at * PIECE_BYTES, PIECE_BYTES), aligned: true };
  });
  return {
    take: () => idle.pop() ?? { buffer: Buffer.allocUnsafeSlow(PIECE_BYTES), aligned: false },
    give(piece) {
      if (piece.aligned) idle.push(piece);
    },
  };
}

/** So many bytes in whole blocks. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
