import { SEGMENT_BYTES, sealedLength } from './segments.ts';

/** What a disk may ask of an offset, a length and an address that it is to reach directly. */
const BLOCK_BYTES = 4_096;
/** Header and one sealed segment: a capture is one system call. */
export const PIECE_BYTES = wholeBlocks(sealedLength(SEGMENT_BYTES));
/** Twice as many as libuv's threads unless it is told otherwise: one is filled while another is written. */
export const PIECES = 8;
const WASM_PAGE_BYTES = 65_536;

/** As much of it as is needed: its types are the browser's. */
declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer } };

/**
 * Memory for calls to the disk that is used again and again, and that the disk can reach without a copy of the system's (`O_DIRECT`). An `ArrayBuffer` lies
 * somewhere; WebAssembly's memory begins at a page, and nothing else in Node does. A page takes room when it is first used.
 */
export interface IoMemory {
  /** The next piece that is idle. Whoever waits for one waits for a call to the disk and for nothing else: it is kept for no longer. */
  next(): Promise<Buffer>;
  give(piece: Buffer): void;
}

export function createIoMemory(): IoMemory {
  const pages = Math.ceil((PIECES * PIECE_BYTES) / WASM_PAGE_BYTES);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const idle: Buffer[] = Array.from({ length: PIECES }, (_, at) => Buffer.from(buffer, at * PIECE_BYTES, PIECE_BYTES));
  const waiting: ((piece: Buffer) => void)[] = [];
  return {
    next: async () => idle.pop() ?? new Promise((resolve) => waiting.push(resolve)),
    give(piece) {
      const first = waiting.shift();
      if (first) first(piece);
      else idle.push(piece);
    },
  };
}

/** So many bytes in whole blocks. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
